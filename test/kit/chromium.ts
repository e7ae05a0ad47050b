import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { chromium, type Page } from 'playwright-core'
import { cleanUp } from './clean-up.ts'

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

/** A page of the system's Chromium, closed at the end of the test; skips the test and says why when there is none. */
export async function openPage(t: TestContext): Promise<Page | undefined> {
  const executablePath = findChromium()
  if (executablePath === undefined) {
    t.skip('no chromium on the PATH')
    return undefined
  }
  const browser = await chromium.launch({ executablePath, args: FLAGS })
  cleanUp(t, () => browser.close())
  return browser.newPage()
}

function findChromium(): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, 'chromium'))
  return candidates.find(file => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
