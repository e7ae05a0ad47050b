import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { readLines } from '../../lib/exchange/recording.ts'

const DATA = join(import.meta.dirname, '../../../shared/data')

/** The path of a recorded file or folder, or undefined with the test skipped where it is absent. */
export function recordingPath(t: TestContext, name: string): string | undefined {
  const path = join(DATA, name)
  if (existsSync(path)) return path
  t.skip(`recorded data is absent: ../shared/data/${name}`)
  return undefined
}

/** A response that was recorded once. */
export interface RecordedResponse {
  file: string
  url: string
  status: number
  body: string
}

/** The HTTP responses inside a `.jsonl.zst` recording. */
export async function readResponses(path: string): Promise<RecordedResponse[]> {
  const responses: RecordedResponse[] = []
  for await (const line of readLines(path)) {
    if (!line.startsWith('{"t":"http"')) continue
    const { url, data } = JSON.parse(line) as { url: string; data: string }
    responses.push({ file: path, url, status: 200, body: data })
  }
  return responses
}

/** The bodies of `coingecko-cassettes` whose file name begins with `prefix`, with their requests. */
export function readCassettes(folder: string, prefix: string): RecordedResponse[] {
  const manifest = readFileSync(join(folder, 'MANIFEST.jsonl'), 'utf8').trim().split('\n')
  const named = new Map(
    manifest.map(line => {
      const { file, uri, status } = JSON.parse(line) as { file: string; uri: string; status: number }
      return [file, { url: uri, status }]
    })
  )
  return readdirSync(folder)
    .filter(file => file.startsWith(prefix))
    .sort()
    .map(file => ({ file, body: readFileSync(join(folder, file), 'utf8'), ...named.get(file)! }))
}

/** A message of `tardis-node/mapper_messages.jsonl`. */
export interface TardisMessage {
  /** Which test of the origin it comes from, e.g. `map binance messages`. */
  origin: string
  /** The message's own text, no digit changed by a float. */
  frame: string
  /** Made by the recorder, not by the venue. */
  generated: boolean
}

/** The messages of the origins that `pattern` matches. */
export async function readTardis(path: string, pattern: RegExp): Promise<TardisMessage[]> {
  const messages: TardisMessage[] = []
  for await (const line of readLines(path)) {
    const { test, msg } = JSON.parse(line) as { test: string; msg: { generated?: boolean } }
    if (!pattern.test(test)) continue
    const frame = line.slice(line.indexOf('"msg":') + '"msg":'.length, -1)
    messages.push({ origin: test, frame, generated: msg.generated === true })
  }
  return messages
}

/** A fixture of `xchange`: JSON with line comments. */
export function readCommentedJson(path: string): string {
  return readFileSync(path, 'utf8').replace(/\/\/[^"\n]*$/gm, '')
}
