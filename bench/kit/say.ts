/** Prints whether an aim was met. */
export function say(met: boolean, text: string): void {
  console.log(`${met ? 'met   ' : 'MISSED'} ${text}`)
}
