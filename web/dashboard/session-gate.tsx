/** Shows the dashboard to whoever is signed in, and the sign-in page to everybody else. */

import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext } from 'react'
import { ApiError, describeError } from './api/client.ts'
import { getSession, type Session, signIn } from './api/session.ts'
import { SignInPage } from './sign-in-page.tsx'
import { Button } from './ui/button.tsx'
import { Splash } from './ui/splash.tsx'

const SESSION_KEY = ['session']

/** Shows the sign-in page and drops everything that was read. */
export function forgetSession(queries: QueryClient): void {
  queries.setQueryData<Opening>(SESSION_KEY, { session: null, linkProblem: null })
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] })
}

const AccountContext = createContext<string | null>(null)

/** The signed-in account. Only below `SessionGate`. */
export function useAccountId(): string {
  const accountId = useContext(AccountContext)
  if (accountId === null) throw new Error('Nobody is signed in here.')
  return accountId
}

/** What became of the sign-in link this page was opened with. */
type Opening = { readonly session: Session | null; readonly linkProblem: string | null }

async function open(code: string | null): Promise<Opening> {
  let linkProblem: string | null = null
  if (code !== null) {
    try {
      return { session: await signIn({ code }), linkProblem: null }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      linkProblem =
        'This sign-in link was used already or is too old. A new one is printed at the next start.'
    }
  }
  try {
    return { session: await getSession(), linkProblem: null }
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return { session: null, linkProblem }
    throw error
  }
}

export function SessionGate({ code, children }: { code: string | null; children: ReactNode }) {
  const queries = useQueryClient()
  const opening = useQuery({
    queryKey: SESSION_KEY,
    queryFn: () => open(code),
    staleTime: Number.POSITIVE_INFINITY,
    // A one-time code is good once.
    retry: false,
    refetchOnReconnect: false,
  })
  if (opening.isPending) return <Splash />
  if (opening.isError) {
    return (
      <Splash title="The server does not answer" sentence={describeError(opening.error)}>
        <Button onClick={() => void queries.resetQueries({ queryKey: SESSION_KEY })}>Try again</Button>
      </Splash>
    )
  }
  const { session, linkProblem } = opening.data
  if (session === null) {
    return (
      <SignInPage
        problem={linkProblem}
        onSignedIn={(next) => queries.setQueryData(SESSION_KEY, { session: next, linkProblem: null })}
      />
    )
  }
  return <AccountContext value={session.account_id}>{children}</AccountContext>
}
