/** Configuration that cannot be used: every mistake that was found, each with where it stands, what was expected and what came. */
export class ConfigError extends Error {
  readonly code = 'bad_config'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`
    super(`the configuration has ${count}:\n${problems.map(problem => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}
