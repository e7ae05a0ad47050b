import { makeApiKey } from '../lib/access/api-keys.ts'

/** Makes an API key. It is shown here and never again: the access file gets its hash. */
const [user = 'USER', plan = 'PLAN'] = process.argv.slice(2)
const { key, hash } = makeApiKey()
console.log(`The key, for ${user}; it is shown only now:

  ${key}

Its line in the access file, under apiKeys:

  - { user: ${JSON.stringify(user)}, plan: ${JSON.stringify(plan)}, hash: "${hash}" }`)
