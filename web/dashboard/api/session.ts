/** Signing in and out. */

import { request } from './client.ts'

export type Session = { readonly account_id: string; readonly permission: 'read' | 'write' }

/** Who is signed in. Throws `ApiError` 401 when nobody is. */
export function getSession(): Promise<Session> {
  return request<Session>('/dashboard/session')
}

/** Exchanges a one-time code or an API token for a session. */
export function signIn(secret: { readonly code: string } | { readonly token: string }): Promise<Session> {
  return request<Session>('/dashboard/session', { method: 'POST', body: secret })
}

export function signOut(): Promise<unknown> {
  return request('/dashboard/session', { method: 'DELETE' })
}

/** Reads the one-time code from `/#code=…` and removes it from the address and from history at once. */
export function takeSignInCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get('code')
  if (code !== null) history.replaceState(history.state, '', location.pathname + location.search)
  return code
}
