/** Whether a token that was good once has come to its `exp` by the clock here (RFC 7519 §4.1.4). */
export function hasExpired(token: string): boolean {
  try {
    const payload = atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'))
    const { exp } = JSON.parse(payload) as { exp?: unknown }
    return Number(exp) * 1000 <= Date.now()
  } catch {
    return false
  }
}
