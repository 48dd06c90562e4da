/** An address as it was given, without user name and password: what may be stored and shown. `text` must parse. */
export function shownUrl(text: string): string {
  const url = new URL(text)
  if (url.username === '' && url.password === '') return text
  url.username = ''
  url.password = ''
  return url.href
}
