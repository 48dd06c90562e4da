import { useUploads } from './uploads-context.tsx'
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
            <UploadCard item={item} uploads={uploads} />
          </li>
        ))}
      </ul>
    </section>
  )
}
