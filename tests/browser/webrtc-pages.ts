/** What pages do that publish and play, as text: the tests are compiled without the browser's types. */

import type { Page } from 'playwright-core'

export const CAMERA_ARGS = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  // What a page publishes is seen by nobody on this machine; it must not be slowed down for that.
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
]

type Publishing = {
  readonly codec?: 'H264' | 'VP8'
  readonly width?: number
  readonly height?: number
  /** Where to send packets instead: the port of a relay. */
  readonly relayPort?: number
}

/** Publishes the fake camera and microphone; answers when the connection is up. */
export async function publishCamera(page: Page, url: string, options: Publishing = {}): Promise<void> {
  await page.evaluate(`(async () => {
    const { codec, width = 320, height = 180, relayPort } = ${JSON.stringify(options)}
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: true, video: { width, height, frameRate: 30 } })
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    for (const track of stream.getTracks()) {
      const transceiver = connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] })
      if (track.kind !== 'video' || !codec) continue
      const { codecs } = RTCRtpSender.getCapabilities('video')
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === 'video/' + codec))
    }
    await connection.setLocalDescription()
    const answer = await fetch(${JSON.stringify(url)}, {
      method: 'POST', headers: { 'content-type': 'application/sdp', authorization: 'Bearer anything' },
      body: connection.localDescription.sdp })
    if (answer.status !== 201) throw new Error(answer.status + ' ' + await answer.text())
    ${ANSWERED}
    window.publisher = { connection, stream, session: new URL(answer.headers.get('location'), answer.url).href }
  })()`)
}

/** Takes the answer and waits until the connection is up. */
const ANSWERED = `
    const sdp = await answer.text()
    const moved = relayPort ? sdp.replaceAll(/(a=candidate:.* )(\\d+)( typ host)/g, '$1' + relayPort + '$3') : sdp
    await connection.setRemoteDescription({ type: 'answer', sdp: moved })
    await new Promise((resolve, reject) => {
      const look = () => {
        if (connection.connectionState === 'connected') resolve()
        if (connection.connectionState === 'failed') reject(new Error('The connection has failed.'))
      }
      connection.addEventListener('connectionstatechange', look)
      look()
    })`

/** Plays into the page's video element; answers when the connection is up. */
export async function playInto(page: Page, url: string, options: { relayPort?: number } = {}): Promise<void> {
  await page.evaluate(`(async () => {
    const { relayPort } = ${JSON.stringify(options)}
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    const stream = new MediaStream()
    connection.addTransceiver('video', { direction: 'recvonly' })
    connection.addTransceiver('audio', { direction: 'recvonly' })
    connection.addEventListener('track', ({ track }) => stream.addTrack(track))
    document.querySelector('video').srcObject = stream
    await connection.setLocalDescription()
    const answer = await fetch(${JSON.stringify(url)}, {
      method: 'POST', headers: { 'content-type': 'application/sdp' }, body: connection.localDescription.sdp })
    if (answer.status !== 201) throw new Error(answer.status + ' ' + await answer.text())
    ${ANSWERED}
    window.viewer = { connection, stream, session: new URL(answer.headers.get('location'), answer.url).href }
  })()`)
}

/** The same by an offer of the server's, which the page answers. */
export async function playOffered(page: Page, url: string): Promise<void> {
  await page.evaluate(`(async () => {
    const offer = await fetch(${JSON.stringify(url)}, { method: 'POST' })
    const session = new URL(offer.headers.get('location'), offer.url).href
    const connection = new RTCPeerConnection()
    const stream = new MediaStream()
    connection.addEventListener('track', ({ track }) => stream.addTrack(track))
    document.querySelector('video').srcObject = stream
    await connection.setRemoteDescription({ type: 'offer', sdp: await offer.text() })
    await connection.setLocalDescription()
    const answer = await fetch(session, { method: 'PATCH', headers: { 'content-type': 'application/sdp' },
      body: connection.localDescription.sdp })
    if (answer.status !== 204) throw new Error(answer.status + ' ' + await answer.text())
    window.viewer = { connection, stream, session }
  })()`)
}

/** Plays `count` times at once, until each is connected; half of them say that they go, half just close. */
export async function comeAndGo(page: Page, url: string, count: number): Promise<void> {
  await page.evaluate(`Promise.all(Array.from({ length: ${count} }, async (_each, index) => {
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    connection.addTransceiver('video', { direction: 'recvonly' })
    await connection.setLocalDescription()
    const answer = await fetch(${JSON.stringify(url)}, {
      method: 'POST', headers: { 'content-type': 'application/sdp' }, body: connection.localDescription.sdp })
    if (answer.status !== 201) throw new Error(answer.status + ' ' + await answer.text())
    const relayPort = undefined
    ${ANSWERED}
    if (index % 2 === 0) await fetch(answer.headers.get('location'), { method: 'DELETE' })
    connection.close()
  }))`)
}

/** Gives the page of a viewer `askKeyFrame`, which sends a PLI (W3C webrtc-encoded-transform §7). */
export async function letAskKeyFrames(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    const script = \`onrtctransform = ({ transformer }) => {
      transformer.readable.pipeTo(transformer.writable)
      onmessage = () => transformer.sendKeyFrameRequest()
    }\`
    const worker = new Worker(URL.createObjectURL(new Blob([script])))
    const receiver = window.viewer.connection.getReceivers().find(({ track }) => track.kind === 'video')
    receiver.transform = new RTCRtpScriptTransform(worker)
    window.askKeyFrame = () => worker.postMessage('')
  })()`)
}

/** What has come in, of each kind. */
export type Received = {
  readonly video: {
    readonly framesDecoded: number
    readonly frameWidth: number
    readonly codec: string
    /** Packets that did not come, and that were asked for again. */
    readonly lost: number
    readonly nacks: number
  }
  readonly audio: { readonly energy: number; readonly samples: number; readonly packets: number }
}

/** Reads the viewer's statistics. */
export function received(page: Page): Promise<Received> {
  return page.evaluate<Received>(`(async () => {
    const stats = [...(await window.viewer.connection.getStats()).values()]
    const find = (kind) => stats.find((each) => each.type === 'inbound-rtp' && each.kind === kind) ?? {}
    const video = find('video')
    const audio = find('audio')
    return {
      video: {
        framesDecoded: video.framesDecoded ?? 0,
        frameWidth: video.frameWidth ?? 0,
        codec: stats.find((each) => each.id === video.codecId)?.mimeType ?? '',
        lost: video.packetsLost, nacks: video.nackCount, plis: video.pliCount, freezes: video.freezeCount,
        delay: video.jitterBufferDelay / video.jitterBufferEmittedCount,
      },
      audio: { energy: audio.totalAudioEnergy ?? 0, samples: audio.totalSamplesReceived ?? 0,
        packets: audio.packetsReceived ?? 0 },
    }
  })()`)
}

/** What of the pictures a page sends. Rates in bits a second. */
export type Sent = {
  /** What the browser believes the line to carry. */
  readonly availableBps: number
  /** What its encoder was told. */
  readonly targetBps: number
  readonly framesEncoded: number
}

/** Reads the publisher's statistics. */
export function sent(page: Page): Promise<Sent> {
  return page.evaluate<Sent>(`(async () => {
    const stats = [...(await window.publisher.connection.getStats()).values()]
    const pair = stats.find((each) => each.type === 'candidate-pair' && each.nominated) ?? {}
    const video = stats.find((each) => each.type === 'outbound-rtp' && each.kind === 'video') ?? {}
    return {
      availableBps: pair.availableOutgoingBitrate ?? 0,
      targetBps: video.targetBitrate ?? 0,
      framesEncoded: video.framesEncoded ?? 0,
    }
  })()`)
}
