import { element } from './element.ts'
import { keepCredential, keptCredential } from './kept-credential.ts'
import { LoginPanel } from './login-panel.ts'
import { QuoteFeed } from './quote-feed.ts'
import { QuoteTable } from './quote-table.ts'
import { StatusLine } from './status-line.ts'

const table = new QuoteTable(element('rows'), shown => {
  element('count').textContent = String(shown)
  element('empty').hidden = shown > 0
})
const status = new StatusLine()
const panel = new LoginPanel({
  onLogin: credential => follow(credential),
  onLogout: () => {
    keepCredential(null)
    panel.ask('')
    follow(null)
  }
})
let feed: QuoteFeed | null = null

/** Shows what may be seen with a credential; with none what anonymous may, and why the one before was no good. */
function follow(credential: string | null, refusal = ''): void {
  feed?.close()
  element('empty').textContent = 'Waiting for the first quote.'
  feed = new QuoteFeed(credential, table, status, {
    onOpen: canLogIn => (canLogIn ? panel.ask(refusal) : panel.hide()),
    onLoginWanted: () => {
      element('empty').textContent = 'Log in to see quotes.'
      panel.ask(refusal)
    },
    onLogin: login => {
      keepCredential(credential)
      panel.showLogin(login)
    },
    onRefused: (why, isFinal) => {
      panel.ask(why)
      if (!isFinal) return
      keepCredential(null)
      follow(null, why)
    }
  })
}

follow(keptCredential())

const filter = element<HTMLInputElement>('filter')
filter.addEventListener('input', () => table.filter(filter.value))

setInterval(() => {
  status.tick()
  table.tick()
}, 1000)
