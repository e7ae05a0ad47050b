import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import { extname, join } from 'node:path'

interface PageFile {
  body: Buffer
  type: string
  etag: string
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ts': 'text/javascript; charset=utf-8'
}

/** The page loads nothing from elsewhere and runs no inline code. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer'
} as const

/**
 * The files of the page and, under `/client/`, of the client that it uses; read once at start. TypeScript is served as JavaScript
 * under its own name. What is not a file of the two folders at that time does not exist, so no path leads out of them.
 */
export class WebPage {
  readonly #files = new Map<string, PageFile>()

  /** @param isDemo whether prices are those of the demo market; only when they are not the page's label is taken out */
  constructor(pageFolder: string, clientFolder: string, isDemo: boolean) {
    this.#add('/', pageFolder, isDemo)
    this.#add('/client/', clientFolder, isDemo)
  }

  /** Answers a GET or HEAD for a file of the page. @returns false when the path is none. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const file = this.#files.get(path)
    if (file === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false
    const headers = { ...SECURITY_HEADERS, etag: file.etag, 'cache-control': 'no-cache' }
    if (request.headers['if-none-match'] === file.etag) {
      response.writeHead(304, headers).end()
      return true
    }
    response.writeHead(200, { ...headers, 'content-type': file.type, 'content-length': file.body.length })
    response.end(request.method === 'HEAD' ? undefined : file.body)
    return true
  }

  #add(path: string, folder: string, isDemo: boolean): void {
    for (const name of readdirSync(folder)) {
      const type = TYPES[extname(name)]
      if (type === undefined) continue
      const source = readFileSync(join(folder, name))
      if (name === 'index.html') this.#files.set(path, pageFile(isDemo ? source : withoutLabel(source), type))
      else this.#files.set(path + name, pageFile(type === TYPES['.ts'] ? stripTypes(source) : source, type))
    }
  }
}

function pageFile(body: Buffer, type: string): PageFile {
  return { body, type, etag: `"${hash('sha256', body, 'base64url').slice(0, 22)}"` }
}

function stripTypes(source: Buffer): Buffer {
  return Buffer.from(stripTypeScriptTypes(source.toString()))
}

function withoutLabel(source: Buffer): Buffer {
  return Buffer.from(source.toString().replace(/\s*<strong id="demo".*<\/strong>/, ''))
}
