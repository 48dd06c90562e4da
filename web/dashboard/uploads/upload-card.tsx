import { useEffect } from 'react'
import { usePlaysEarly } from '../api/videos.ts'
import { PlayerFrame } from '../video/player-frame.tsx'
import { Preparing } from './preparing.tsx'
import { Sending } from './sending.tsx'
import type { UploadItem, Uploads } from './uploads.ts'

/**
 * One upload: what is sent and, beside its player, what is made of it. The player comes as soon as something plays, which
 * for files whose index comes first is long before the last byte, and stays the same one from then on.
 */
export function UploadCard({ item, uploads }: { item: UploadItem; uploads: Uploads }) {
  const { key, uid, state, player } = item
  const playsEarly = usePlaysEarly(uid, state === 'uploading' && player === 'none')
  useEffect(() => {
    if (playsEarly) uploads.showPlayer(key)
  }, [uploads, key, playsEarly])

  const shown = player !== 'none' && uid !== null
  return (
    <article className="overflow-hidden rounded-2xl border border-line bg-surface shadow-card">
      <div className={shown ? 'grid md:grid-cols-[minmax(0,1.65fr)_minmax(0,1fr)]' : ''}>
        {shown && <PlayerFrame id={uid} title={item.name} autoplay={player === 'starts'} />}
        {state === 'done' && uid !== null ? (
          <Preparing uid={uid} name={item.name} onDismiss={() => uploads.dismiss(key)} />
        ) : (
          <Sending
            item={item}
            onPause={() => uploads.pause(key)}
            onResume={() => uploads.resume(key)}
            onCancel={() => uploads.cancel(key)}
          />
        )}
      </div>
    </article>
  )
}
