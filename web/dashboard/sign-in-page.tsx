/** The form for whoever did not come through the sign-in link. */

import { useMutation } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { describeError } from './api/client.ts'
import { type Session, signIn } from './api/session.ts'
import { Button } from './ui/button.tsx'
import { Logo } from './ui/logo.tsx'

export function SignInPage({
  problem,
  onSignedIn,
}: {
  problem: string | null
  onSignedIn: (s: Session) => void
}) {
  const [token, setToken] = useState('')
  const attempt = useMutation({ mutationFn: () => signIn({ token: token.trim() }), onSuccess: onSignedIn })
  const complaint = attempt.isError ? describeError(attempt.error) : problem
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (token.trim() !== '') attempt.mutate()
  }
  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <div className="w-full max-w-md">
        <Logo className="mb-8 justify-center" />
        <form onSubmit={submit} className="rounded-2xl border border-line bg-surface p-7 shadow-card">
          <h1 className="text-xl font-semibold tracking-tight">Sign in</h1>
          <p className="mt-2 text-sm leading-relaxed text-muted">
            Open the sign-in link that <code className="code">npm start</code> printed, or paste the API
            token.
          </p>
          <label htmlFor="token" className="mt-6 block text-sm font-medium">
            API token
          </label>
          {/* For password managers, which file a secret under a name. */}
          <input type="text" autoComplete="username" value="headwater" readOnly hidden />
          <div className="relative mt-2">
            <KeyRound aria-hidden className="pointer-events-none absolute top-3 left-3 size-4 text-muted" />
            <input
              id="token"
              type="password"
              autoComplete="current-password"
              spellCheck={false}
              value={token}
              onChange={(event) => setToken(event.target.value)}
              aria-invalid={complaint !== null}
              aria-describedby="token-help token-problem"
              className="field w-full pl-9"
            />
          </div>
          <p id="token-help" className="mt-2 text-xs leading-relaxed text-muted">
            It is in the file <code className="code">data/api-token</code> in the folder where Headwater was
            started. Show it with <code className="code">cat data/api-token</code>.
          </p>
          <p id="token-problem" role="alert" className="mt-3 text-sm text-danger empty:hidden">
            {complaint}
          </p>
          <Button
            type="submit"
            className="mt-5 w-full"
            busy={attempt.isPending}
            disabled={token.trim() === ''}
          >
            Sign in
          </Button>
        </form>
        <p className="mt-6 text-center text-xs text-muted">
          You stay signed in on this browser for thirty days. The token itself is not kept.
        </p>
      </div>
    </main>
  )
}
