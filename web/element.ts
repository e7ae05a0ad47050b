/** The element of the page that has this id. @throws Error when there is none. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`expected an element #${id}`)
  return found as T
}
