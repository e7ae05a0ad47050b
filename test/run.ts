import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { findBinary } from '../lib/cluster/find-binary.ts'

/**
 * `npm test`: makes sure that the servers which the tests start are there, then runs `node --test` over the files given, or all.
 * A missing binary is named; on Debian as root it is installed. With `--long`, tests that have a long form run that one.
 */
const PACKAGE_OF = {
  'nats-server': 'nats-server',
  'redis-server': 'redis-server',
  mariadbd: 'mariadb-server',
  'rabbitmq-server': 'rabbitmq-server',
  mosquitto: 'mosquitto',
  chromium: 'chromium'
} as const satisfies Record<string, string>

const LONG = '--long'

const missing: [binary: string, name: string][] = []
for (const [binary, name] of Object.entries(PACKAGE_OF)) {
  await findBinary(binary, name).catch(() => missing.push([binary, name]))
}
if (missing.length > 0) install(missing.map(([, name]) => name))

const args = process.argv.slice(2)
const files = args.filter(arg => arg !== LONG)
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-reporter=spec', '--test-concurrency=2', ...(files.length > 0 ? files : ['test/**/*.test.ts'])],
  { stdio: 'inherit', env: { ...process.env, ...(args.includes(LONG) ? { LONG_FORM: '1' } : {}) } }
)
process.exitCode = status ?? 1

function install(packages: string[]): void {
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  console.log(`The tests start real servers; not found: ${missing.map(([binary]) => binary).join(', ')}.`)
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    console.error(`Install them first; on Debian: sudo ${command}`)
    process.exit(1)
  }
  console.log(`Installing: ${command}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', ['update', '-q'], { stdio: 'inherit', env })
  execFileSync('sh', ['-c', command], { stdio: 'inherit', env })
}
