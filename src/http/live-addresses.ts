/** Where broadcasts are published and played, for the addresses handed out (live.md §1, §2). */

/** Ports that are listened on; null where a protocol is off. */
export type LivePorts = {
  readonly rtmp: number | null
  readonly rtmps: number | null
  readonly srt: number | null
}

/** Asked anew each time: a free port is only known once it is listened on. */
export type FindLivePorts = () => LivePorts

/** Base addresses of the protocols that are on; stream keys and stream ids come beside them. */
export type LiveAddresses = {
  /** What `rtmps` of the API shows: RTMPS, or plain RTMP where that is all there is. */
  readonly rtmps: string | null
  readonly rtmp: string | null
  readonly srt: string | null
}

/** The addresses on the host of `publicUrl`, under which the server is known outside. */
export function liveAddresses(publicUrl: string, { rtmp, rtmps, srt }: LivePorts): LiveAddresses {
  const { hostname } = new URL(publicUrl)
  const plain = rtmp === null ? null : `rtmp://${hostname}:${rtmp}/live/`
  return {
    rtmps: rtmps === null ? plain : `rtmps://${hostname}:${rtmps}/live/`,
    rtmp: plain,
    srt: srt === null ? null : `srt://${hostname}:${srt}`,
  }
}
