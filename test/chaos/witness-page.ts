import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openPage } from '../kit/chromium.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { bundleOf, CLIENT_BUNDLE, packClient } from '../kit/client-package.ts'
import { serveSite } from '../kit/small-site.ts'
import type { ClientReport, ClientWitness } from './client-witness.ts'

const WITNESS = 'client-witness.js'

/** A {@link ClientWitness} in a page of Chromium, over the client as it is published. */
export interface WitnessPage {
  report(): Promise<ClientReport>
  /** What was thrown in the page and caught by nobody. */
  thrown: readonly string[]
}

/** Skips the test where there is no Chromium. */
export async function openWitnessPage(t: TestContext, urls: readonly string[]): Promise<WitnessPage | undefined> {
  const page = await openPage(t)
  if (page === undefined) return undefined
  const place = await mkdtemp(join(tmpdir(), 'quotecast-client-'))
  cleanUp(t, () => rm(place, { recursive: true }))
  const source = await readFile(join(import.meta.dirname, 'client-witness.ts'), 'utf8')
  const site = await serveSite(t, {
    '/': htmlFor(urls),
    [`/${CLIENT_BUNDLE}`]: await bundleOf(await packClient(place)),
    [`/${WITNESS}`]: stripTypeScriptTypes(source)
  })
  const thrown: string[] = []
  page.on('pageerror', error => thrown.push(String(error)))
  await page.goto(site)
  await page.waitForFunction('globalThis.witness !== undefined')
  assert.deepEqual(thrown, [])
  return { thrown, report: () => page.evaluate<ClientReport>('globalThis.witness.report') }
}

function htmlFor(urls: readonly string[]): string {
  return `<!doctype html>
<meta charset="utf-8">
<title>Witness</title>
<script type="module">
  import { QuoteClient } from './${CLIENT_BUNDLE}'
  import { ClientWitness } from './${WITNESS}'
  globalThis.witness = new ClientWitness(QuoteClient, ${JSON.stringify(urls)})
</script>`
}
