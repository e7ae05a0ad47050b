import type { RowFormat } from './row-format.ts'
import { encodeTextFrame } from './websocket-frame.ts'

const common = {
  // Canonical decimals and names need no escaping.
  value: value => (typeof value === 'string' ? `"${value}",` : `${value ?? null},`),
  join: fields => fields.slice(0, -1),
  separator: ',',
  quotes: (sid, q, time) => `{"type":"quotes","sid":"${sid}","q":${q},"time":${time},"data":[`,
  snapshot: ({ sid, epoch, q }, isFinal) =>
    `{"type":"snapshot","sid":"${sid}","epoch":${JSON.stringify(epoch)},"q":${q},"final":${isFinal},"data":[`,
  frame: text => encodeTextFrame(`${text}]}`)
} as const satisfies Partial<RowFormat>

/** Rows as JSON objects, also those of REST. */
export const jsonObjects: RowFormat = {
  ...common,
  name: 'json',
  label: field => `"${field}":`,
  absent: '',
  row: ({ prefix }, q, p, n, fields) => `${prefix}${q},"p":${p},"n":${n},${fields}}`,
  snapshotRow: ({ prefix, q }, fields) => `${prefix}${q},${fields}}`
}

/** Rows as JSON lists of the values of {@link columnsOf}. */
export const jsonLists: RowFormat = {
  ...common,
  name: 'json-rows',
  label: () => '',
  // No value is an empty text, and null is a value: what is carried but not known.
  absent: '"",',
  row: ({ jsonKey }, q, p, n, fields) => `[${jsonKey},${q},${p},${n},${fields}]`,
  snapshotRow: ({ jsonKey, q }, fields) => `[${jsonKey},${q},0,0,${fields}]`
}
