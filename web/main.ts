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
  },
  onClock(offset) {
    table.clockOffset = offset
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
