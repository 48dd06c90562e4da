/** What the program writes its log with: pino's shape, so that a real pino logger is one. Never given a secret. */

/** Facts about a log line; an `err` field is shown with its stack. */
export type LogFacts = Readonly<Record<string, unknown>>

export interface Log {
  debug(facts: LogFacts, sentence: string): void
  info(facts: LogFacts, sentence: string): void
  warn(facts: LogFacts, sentence: string): void
  error(facts: LogFacts, sentence: string): void
}

/** Says nothing; for tests and tools. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
