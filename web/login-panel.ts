import type { Login } from '../client/index.ts'
import { element } from './element.ts'

export interface LoginPanelHandlers {
  /** Somebody presents a token or a key. */
  onLogin(credential: string): void
  onLogout(): void
}

/** The form that asks for a token or an API key and, once one was accepted, whose it is. At first neither is shown. */
export class LoginPanel {
  readonly #form = element<HTMLFormElement>('login')
  readonly #input = element<HTMLInputElement>('credential')
  readonly #message = element('login-message')
  readonly #account = element('account')

  constructor({ onLogin, onLogout }: LoginPanelHandlers) {
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      const credential = this.#input.value.trim()
      // The page's elements keep no secret.
      this.#input.value = ''
      this.#tell('')
      if (credential !== '') onLogin(credential)
    })
    element('logout').addEventListener('click', onLogout)
  }

  /** Nobody can log in. */
  hide(): void {
    this.#form.hidden = true
    this.#account.hidden = true
  }

  /** Shows the form. @param refusal why the login before was no good; empty when there was none. */
  ask(refusal: string): void {
    const hadFocus = this.#account.contains(document.activeElement)
    this.#account.hidden = true
    this.#form.hidden = false
    this.#tell(refusal)
    if (hadFocus) this.#input.focus()
  }

  showLogin({ user, plan }: Login): void {
    const hadFocus = this.#form.contains(document.activeElement)
    this.#form.hidden = true
    this.#account.hidden = false
    element('user').textContent = `${user}, plan ${plan}`
    if (hadFocus) this.#account.focus()
  }

  #tell(refusal: string): void {
    const text = refusal && `Not logged in: ${refusal}`
    // Each change is read aloud.
    if (this.#message.textContent !== text) this.#message.textContent = text
    this.#input.ariaInvalid = refusal === '' ? null : 'true'
  }
}
