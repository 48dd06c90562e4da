import { useId } from 'react'
import type { ApiVideo } from '../api/videos.ts'
import { CopyButton } from '../ui/copy-button.tsx'

/** The addresses to hand on. */
export function Addresses({ video }: { video: ApiVideo }) {
  return (
    <section className="rounded-2xl border border-line bg-surface p-5">
      <h2 className="mb-4 text-sm font-semibold">Addresses</h2>
      {video.requireSignedURLs && (
        <p className="mb-4 text-sm leading-relaxed text-muted">
          This video is protected: its addresses open with a signed token in place of{' '}
          <code className="text-xs">{video.uid}</code> only.
        </p>
      )}
      <div className="grid gap-4">
        <Address
          label="Watch page"
          hint="A page with nothing but the player; send it to people."
          text={video.preview}
        />
        <Address label="Embed code" hint="Paste it into the HTML of your own page." text={embedCode(video)} />
        <Address
          label="HLS manifest"
          hint="For your own player: Apple devices, hls.js, Shaka."
          text={video.playback.hls}
        />
        <Address label="DASH manifest" hint="For dash.js, Shaka, ExoPlayer." text={video.playback.dash} />
      </div>
    </section>
  )
}

export function Address({ label, hint, text }: { label: string; hint: string; text: string }) {
  const id = useId()
  return (
    <div>
      <label htmlFor={id} className="flex flex-wrap items-baseline gap-x-2 text-sm font-medium">
        {label} <span className="text-xs font-normal text-muted">{hint}</span>
      </label>
      <div className="mt-1.5 flex items-center gap-2">
        <input
          id={id}
          readOnly
          value={text}
          onFocus={(event) => event.target.select()}
          className="field h-8! min-w-0 flex-1 font-mono text-xs! text-muted"
        />
        <CopyButton text={text} label={`Copy: ${label}`} />
      </div>
    </div>
  )
}

function embedCode(video: ApiVideo): string {
  const address = video.preview.replace(/watch$/, 'iframe')
  return (
    `<iframe src="${address}" style="border:none;width:100%;aspect-ratio:16/9" ` +
    'allow="accelerometer; gyroscope; autoplay; encrypted-media; picture-in-picture;" allowfullscreen></iframe>'
  )
}
