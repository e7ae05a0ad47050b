import { pack, packArrayHead, packMapHead, packNumber, packText } from './pack.ts'
import { columnsOf, type RowFormat } from './row-format.ts'
import { encodeBinaryFrame } from './websocket-frame.ts'

const QUOTES_HEAD = packMapHead(5) + packText('type') + packText('quotes') + packText('sid')
const SNAPSHOT_HEAD = packMapHead(6) + packText('type') + packText('snapshot') + packText('sid')
const EPOCH = packText('epoch')
const TIME = packText('time')
const FINAL = packText('final')
const DATA = packText('data')
const KEY = packText('key')
const Q = packText('q')
const P = packText('p')
const N = packText('n')
const ZERO = packNumber(0)
/** The columns before the fields of a row that is a list. */
const LIST_HEAD = columnsOf([]).length

const common = {
  value: value => pack(value ?? null),
  // How many fields there are stands before them: the head of a row tells its size.
  join: (fields, count) => String.fromCharCode(count) + fields,
  separator: '',
  quotes: (sid, q, time, rows) =>
    `${QUOTES_HEAD}${packText(sid)}${Q}${packNumber(q)}${TIME}${packNumber(time)}${DATA}${packArrayHead(rows)}`,
  snapshot: ({ sid, epoch, q }, isFinal, rows) =>
    `${SNAPSHOT_HEAD}${packText(sid)}${EPOCH}${packText(epoch)}${Q}${packNumber(q)}${FINAL}${pack(isFinal)}${DATA}${packArrayHead(rows)}`,
  frame: encodeBinaryFrame
} as const satisfies Partial<RowFormat>

/** Rows as MessagePack maps. */
export const msgpackObjects: RowFormat = {
  ...common,
  name: 'msgpack',
  label: packText,
  absent: '',
  row: ({ packedKey }, q, p, n, fields) =>
    `${packMapHead(4 + countOf(fields))}${KEY}${packedKey}${Q}${packNumber(q)}${P}${packNumber(p)}${N}${packNumber(n)}${fields.slice(1)}`,
  snapshotRow: ({ packedKey, q }, fields) =>
    `${packMapHead(2 + countOf(fields))}${KEY}${packedKey}${Q}${packNumber(q)}${fields.slice(1)}`
}

/** Rows as MessagePack arrays of the values of {@link columnsOf}. */
export const msgpackLists: RowFormat = {
  ...common,
  name: 'msgpack-rows',
  label: () => '',
  absent: packText(''),
  row: ({ packedKey }, q, p, n, fields) =>
    `${packArrayHead(LIST_HEAD + countOf(fields))}${packedKey}${packNumber(q)}${packNumber(p)}${packNumber(n)}${fields.slice(1)}`,
  snapshotRow: ({ packedKey, q }, fields) =>
    `${packArrayHead(LIST_HEAD + countOf(fields))}${packedKey}${packNumber(q)}${ZERO}${ZERO}${fields.slice(1)}`
}

function countOf(fields: string): number {
  return fields.charCodeAt(0)
}
