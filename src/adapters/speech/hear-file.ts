/** Makes WebVTT of the WAV file at `path`. Throws `speech_failed` or the abort reason. */
export type HearFile = (
  path: string,
  options: { readonly language: string; readonly signal: AbortSignal },
) => Promise<Uint8Array>
