import { QuoteClient } from '../client/index.ts'
import { QuoteTable } from './quote-table.ts'

const element = <T extends HTMLElement = HTMLElement>(id: string): T => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`expected an element #${id}`)
  return found as T
}

const table = new QuoteTable(element('rows'), shown => {
  element('count').textContent = String(shown)
  element('empty').hidden = shown > 0
})

/** What the gateway says of sources and instruments that are not ok; it says it again on each connection. */
const troubles = new Map<string, string>()
const MAX_SHOWN = 5

function showTroubles(): void {
  const texts = [...troubles].map(([id, state]) => `${id}: ${state}`)
  if (texts.length > MAX_SHOWN) texts.splice(MAX_SHOWN, texts.length, `and ${texts.length - MAX_SHOWN} more`)
  element('troubles').hidden = texts.length === 0
  element('troubles').textContent = texts.join(', ')
}

let rows = 0
let gaps = 0
let hasBoard = false
const client = new QuoteClient(location.origin)
const quotes = client.subscribe({ patterns: ['*:*:*'], intervalMs: 200 })

function showState(text: string, isLive = false): void {
  const state = element('state')
  state.toggleAttribute('data-live', isLive)
  state.textContent = text
}

client.on('state', ({ state, attempt, closeCode }) => {
  if (state === 'live') {
    // The first time it is the board that counts.
    if (hasBoard) showState('live', true)
    return
  }
  if (state === 'connecting') showState(attempt === 0 ? 'connecting' : 'reconnecting')
  else showState(state === 'waiting' ? 'disconnected' : `refused (${closeCode})`)
  troubles.clear()
  showTroubles()
})
client.on('welcome', ({ time }) => {
  table.clockOffset = time - Date.now() * 1000
})
client.on('status', ({ id, state }) => {
  if (state === 'ok') troubles.delete(id)
  else troubles.set(id, state)
  showTroubles()
})
quotes.on('snapshot', ({ rows }) => {
  hasBoard = true
  table.reset(rows)
  showState('live', true)
})
quotes.on('rows', ({ rows: news }) => {
  rows += news.length
  for (const row of news) table.update(row)
})
quotes.on('gap', () => {
  gaps++
  element('gaps').hidden = false
  element('gaps').textContent = `${gaps} gaps repaired`
})
quotes.on('error', ({ code }) => showState(`refused (${code})`))

const filter = element<HTMLInputElement>('filter')
filter.addEventListener('input', () => table.filter(filter.value))

setInterval(() => {
  element('rate').textContent = String(rows)
  rows = 0
  table.tick()
}, 1000)
