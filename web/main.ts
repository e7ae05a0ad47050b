import { QuoteStream } from './quote-stream.ts'
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
const stream = new QuoteStream(`${location.origin.replace(/^http/, 'ws')}/v1/stream`, {
  onSnapshot: snapshot => table.reset(snapshot),
  onRow(row) {
    rows++
    table.update(row)
  },
  onState(isLive, text) {
    const state = element('state')
    state.toggleAttribute('data-live', isLive)
    state.textContent = text
    if (isLive) return
    troubles.clear()
    showTroubles()
  },
  onClock(offset) {
    table.clockOffset = offset
  },
  onStatus(id, state) {
    if (state === 'ok') troubles.delete(id)
    else troubles.set(id, state)
    showTroubles()
  },
  onGap() {
    gaps++
    element('gaps').hidden = false
    element('gaps').textContent = `${gaps} gaps repaired`
  }
})

const filter = element<HTMLInputElement>('filter')
filter.addEventListener('input', () => table.filter(filter.value))

setInterval(() => {
  element('rate').textContent = String(rows)
  rows = 0
  table.tick()
}, 1000)

stream.connect()
