import { type SettingProblem, settingProblems } from '../transport/setting-problems.ts'
import type { NatsSetting, TransporterSetting } from '../transport/transporter-setting.ts'
import { parseTransporterUrl, TRANSPORTER_URL_FORM } from '../transport/transporter-url.ts'

/** What a connection needs beside its URL: the variable of each field. */
const FIELDS = { creds: 'NATS_CREDS', nkey: 'NATS_NKEY', ca: 'NATS_CA', cert: 'NATS_CERT', key: 'NATS_KEY' } as const
type Field = keyof typeof FIELDS

export type NatsVariable = (typeof FIELDS)[Field]

/** Reads TRANSPORTER and the variables of NATS, empty where unset. @param refuse takes every mistake; secrets are not in it. */
export function readTransporter(
  values: Readonly<Record<NatsVariable | 'TRANSPORTER', string>>,
  refuse: (problem: string) => void
): TransporterSetting {
  const setting = parseTransporterUrl(values.TRANSPORTER)
  if (setting === undefined) {
    refuse(`TRANSPORTER: expected ${TRANSPORTER_URL_FORM}, got something else`)
    return { kind: 'memory' }
  }
  const given = (Object.keys(FIELDS) as Field[]).filter(field => values[FIELDS[field]] !== '')
  if (setting.kind === 'memory') {
    for (const field of given) refuse(`${FIELDS[field]}: expected TRANSPORTER=nats://… or tls://… with it, got memory:`)
    return setting
  }
  const whole = withFields(setting, Object.fromEntries(given.map(field => [field, values[FIELDS[field]]])))
  for (const { field, problem } of settingProblems(whole)) refuse(`${variableOf(field)}: ${problem}`)
  return whole
}

/** What is said about TLS requires it. */
function withFields(setting: NatsSetting, { creds, nkey, ...tls }: Partial<Record<Field, string>>): NatsSetting {
  const secured = setting.tls !== undefined || Object.keys(tls).length > 0
  return {
    ...setting,
    ...(creds === undefined ? {} : { creds }),
    ...(nkey === undefined ? {} : { nkey }),
    ...(secured ? { tls } : {})
  }
}

function variableOf(field: SettingProblem['field']): string {
  return field in FIELDS ? FIELDS[field as Field] : 'TRANSPORTER'
}
