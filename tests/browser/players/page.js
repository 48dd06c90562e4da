/**
 * Runs in the browser. Plays one address in one player while switching rendition at every segment, reads the number of
 * every displayed frame back from its bars, and finds the beeps in the decoded sound.
 */

const BAR_BITS = 12
const video = document.querySelector('#video')
const ROWS = 100
/** After this long without a picture a player is said to be stuck. */
const STUCK_MS = 12_000
const canvas = new OffscreenCanvas(BAR_BITS, ROWS)
const context = canvas.getContext('2d', { willReadFrequently: true })

/**
 * The picture on the screen: its own time in seconds and the number it shows, -1 when top and bottom disagree. Taken as
 * one frame, so that time and number belong together even when the callback that asks comes late.
 */
function readPicture() {
  const frame = new VideoFrame(video)
  const mediaTime = frame.timestamp / 1e6
  context.drawImage(frame, 0, 0, BAR_BITS, ROWS)
  frame.close()
  const top = context.getImageData(0, 6, BAR_BITS, 1).data
  const bottom = context.getImageData(0, ROWS - 6, BAR_BITS, 1).data
  let number = 0
  for (let bit = 0; bit < BAR_BITS; bit += 1) {
    const set = top[bit * 4] > 128
    if (set === bottom[bit * 4] > 128) return { mediaTime, number: -1 }
    if (set) number += 2 ** bit
  }
  return { mediaTime, number }
}

/** One opened player: `switchNext` asks for another rendition from the next segment on. */
const openers = {
  async hls(url, log) {
    const player = new Hls({
      maxBufferLength: 6,
      maxMaxBufferLength: 6,
      startLevel: 0,
      capLevelToPlayerSize: false,
    })
    player.on(Hls.Events.ERROR, (_, data) => log.errors.push(`${data.details}${data.fatal ? ' fatal' : ''}`))
    player.on(Hls.Events.FRAG_LOADED, (_, { frag }) => {
      if (frag.type !== 'main' || frag.sn === 'initSegment') return
      log.loads.push(`${frag.level}:${frag.sn}`)
      if (log.switching) player.nextLoadLevel = (frag.level + 1) % player.levels.length
    })
    player.loadSource(url)
    player.attachMedia(video)
    await new Promise((resolve) => player.once(Hls.Events.MANIFEST_PARSED, resolve))
    return () => player.destroy()
  },
  async shaka(url, log) {
    shaka.polyfill.installAll()
    const player = new shaka.Player()
    await player.attach(video)
    player.configure({ abr: { enabled: false }, streaming: { bufferingGoal: 6, rebufferingGoal: 0.5 } })
    player.addEventListener('error', (event) => log.errors.push(`shaka ${event.detail.code}`))
    player.addEventListener('segmentappended', (event) => {
      if (event.contentType !== 'video') return
      log.loads.push(`${event.start}`)
      if (!log.switching) return
      const tracks = player.getVariantTracks().sort((a, b) => a.height - b.height)
      const active = tracks.findIndex((track) => track.active)
      player.selectVariantTrack(tracks[(active + 1) % tracks.length], false)
    })
    await player.load(url)
    return () => player.destroy()
  },
  async dash(url, log) {
    const player = dashjs.MediaPlayer().create()
    player.updateSettings({
      debug: { logLevel: 0 },
      streaming: {
        abr: { autoSwitchBitrate: { video: false, audio: false } },
        buffer: { fastSwitchEnabled: false, bufferTimeDefault: 6, bufferTimeAtTopQuality: 6 },
      },
    })
    player.on('error', (event) => log.errors.push(`dash.js ${event.error?.code ?? event.error}`))
    player.on('fragmentLoadingCompleted', ({ request }) => {
      if (request.mediaType !== 'video' || request.type !== 'MediaSegment') return
      log.loads.push(`${request.representation?.index ?? '?'}:${request.index}`)
      // Asked to switch after the last segment, dash.js waits for another one and never says that the stream is over.
      const left = player.duration() - (request.startTime + request.duration)
      if (!log.switching || left < 0.1) return
      const list = player.getRepresentationsByType('video')
      const now = list.findIndex((one) => one.id === request.representation?.id)
      player.setRepresentationForTypeByIndex('video', (now + 1) % list.length)
    })
    player.initialize(video, url, false)
    await new Promise((resolve) => player.on('streamInitialized', resolve))
    return () => player.destroy()
  },
  async file(url) {
    video.src = url
    return () => video.removeAttribute('src')
  },
}

let audioContext
/** Reports the context time at which each beep begins. */
async function listenForBeeps(log) {
  if (!audioContext) {
    audioContext = new AudioContext({ latencyHint: 'interactive' })
    const code = `registerProcessor('beeps', class extends AudioWorkletProcessor {
      constructor() { super(); this.quiet = 1e9 }
      process([input]) {
        const samples = input[0]
        if (!samples) return true
        for (let i = 0; i < samples.length; i += 1) {
          if (Math.abs(samples[i]) > 0.1) {
            if (this.quiet > sampleRate / 4) this.port.postMessage((currentFrame + i) / sampleRate)
            this.quiet = 0
          } else this.quiet += 1
        }
        return true
      }
    })`
    await audioContext.audioWorklet.addModule(
      URL.createObjectURL(new Blob([code], { type: 'text/javascript' })),
    )
    const node = new AudioWorkletNode(audioContext, 'beeps')
    audioContext.createMediaElementSource(video).connect(node).connect(audioContext.destination)
    audioContext.beeps = node
  }
  await audioContext.resume()
  audioContext.beeps.port.addEventListener('message', ({ data }) => log.beeps.push(data))
  audioContext.beeps.port.start()
}

/** The first picture, before anything plays; rejects with what the player said when none comes. */
async function firstPicture(log) {
  const begun = performance.now()
  while (performance.now() - begun < STUCK_MS) {
    // Its data may be there before it is, or be on its way to another place.
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && !video.seeking) {
      try {
        return readPicture()
      } catch (error) {
        if (error.name !== 'InvalidStateError') throw error
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`no first picture: ${log.errors.join(', ')}`)
}

/** Plays from 0 to the end. Times in seconds. */
window.playThrough = async ({ player, url, switching }) => {
  const log = { errors: [], loads: [], frames: [], beeps: [], clock: [], stalls: 0, late: 0, switching }
  const close = await openers[player](url, log)
  await listenForBeeps(log)
  let running = true
  // It stands on the screen before anything plays, and no callback tells of it when it came before it was asked for.
  const first = await firstPicture(log)
  log.frames.push([first.mediaTime, first.number, video.videoWidth])
  const onFrame = (_, metadata) => {
    const { mediaTime, number } = readPicture()
    if (running) video.requestVideoFrameCallback(onFrame)
    if (log.frames.length === 1 && mediaTime === first.mediaTime) return
    // Another picture has taken its place already: it will be counted by its own callback.
    if (Math.abs(mediaTime - metadata.mediaTime) < 0.001) log.frames.push([mediaTime, number, metadata.width])
    else log.late += 1
  }
  video.requestVideoFrameCallback(onFrame)
  video.addEventListener('waiting', () => {
    if (log.frames.length > 5 && !video.ended) log.stalls += 1
  })
  await video.play()
  const sampler = setInterval(() => {
    if (!video.paused && video.readyState > 2) log.clock.push([audioContext.currentTime, video.currentTime])
  }, 20)
  const stuck = { time: -1, since: performance.now() }
  await new Promise((resolve) => {
    video.addEventListener('ended', resolve, { once: true })
    const watch = setInterval(() => {
      if (video.currentTime !== stuck.time)
        Object.assign(stuck, { time: video.currentTime, since: performance.now() })
      else if (performance.now() - stuck.since > STUCK_MS) {
        log.errors.push(`stuck at ${video.currentTime}`)
        clearInterval(watch)
        resolve()
      }
      if (video.ended) clearInterval(watch)
    }, 500)
  })
  running = false
  clearInterval(sampler)
  const ranges = []
  for (let i = 0; i < video.buffered.length; i += 1)
    ranges.push([video.buffered.start(i), video.buffered.end(i)])
  const result = {
    ...log,
    ended: video.ended,
    duration: video.duration,
    ranges,
    quality: video.getVideoPlaybackQuality().droppedVideoFrames,
  }
  window.closePlayer = close
  return result
}

/** Seeks while paused; answers the number shown once the seek has settled. */
window.seekAndRead = async (seconds) => {
  video.pause()
  const shown = new Promise((resolve) =>
    video.requestVideoFrameCallback((_, metadata) => resolve(metadata.mediaTime)),
  )
  const settled = new Promise((resolve) => video.addEventListener('seeked', resolve, { once: true }))
  const begun = performance.now()
  video.currentTime = seconds
  await settled
  const mediaTime = await Promise.race([shown, new Promise((resolve) => setTimeout(() => resolve(-1), 1500))])
  return { number: readPicture().number, mediaTime, ms: performance.now() - begun }
}
