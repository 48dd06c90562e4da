import { useUploads } from './uploads-context.tsx'
import { ArrivedCard } from './arrived-card.tsx'
import { UploadCard } from './upload-card.tsx'

/** What is on its way, and what has just arrived. */
export function UploadList() {
  const { uploads, items } = useUploads()
  if (items.length === 0) return null
  return (
    <section aria-label="Uploads" className="mt-5">
      <ul className="grid gap-4">
        {items.map((item) => (
          <li key={item.key}>
            {item.state === 'done' && item.uid !== null ? (
              <ArrivedCard
                uid={item.uid}
                name={item.name}
                autoplay={item.startsByItself}
                onDismiss={() => uploads.dismiss(item.key)}
              />
            ) : (
              <UploadCard
                item={item}
                onPause={() => uploads.pause(item.key)}
                onResume={() => uploads.resume(item.key)}
                onCancel={() => uploads.cancel(item.key)}
              />
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
