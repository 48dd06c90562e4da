import { CloudUpload } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'

/** Takes files dropped anywhere in the window, and shows that it would while they hover over it. */
export function WindowDrop({ onFiles }: { onFiles: (files: File[]) => void }) {
  const [over, setOver] = useState(false)
  const handler = useRef(onFiles)
  useEffect(() => {
    handler.current = onFiles
  })
  useEffect(() => {
    // Entering a child fires before leaving its parent, so the two are counted.
    let depth = 0
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const onEnter = (event: DragEvent) => {
      if (!carriesFiles(event)) return
      depth += 1
      setOver(true)
    }
    const onOver = (event: DragEvent) => {
      if (carriesFiles(event)) event.preventDefault()
    }
    const onLeave = (event: DragEvent) => {
      if (!carriesFiles(event)) return
      depth = Math.max(0, depth - 1)
      if (depth === 0) setOver(false)
    }
    const onDrop = (event: DragEvent) => {
      if (!carriesFiles(event)) return
      event.preventDefault()
      depth = 0
      setOver(false)
      const files = readFiles(event.dataTransfer)
      if (files.length > 0) handler.current(files)
    }
    const listeners = { dragenter: onEnter, dragover: onOver, dragleave: onLeave, drop: onDrop }
    for (const [type, listener] of Object.entries(listeners))
      window.addEventListener(type, listener as EventListener)
    return () => {
      for (const [type, listener] of Object.entries(listeners)) {
        window.removeEventListener(type, listener as EventListener)
      }
    }
  }, [])
  if (!over) return null
  return (
    <div className="overlay pointer-events-none grid place-items-center p-6">
      <div className="rounded-3xl border-2 border-dashed border-accent bg-surface px-16 py-14 text-center shadow-card">
        <CloudUpload aria-hidden className="mx-auto size-12 text-accent" strokeWidth={1.5} />
        <p className="mt-4 text-xl font-semibold tracking-tight">Let go to upload</p>
      </div>
    </div>
  )
}

/** Files only: a dropped folder also comes as a "file", which cannot be read. */
function readFiles(transfer: DataTransfer | null): File[] {
  const items = [...(transfer?.items ?? [])].filter((item) => item.kind === 'file')
  return items.flatMap((item) => {
    if (item.webkitGetAsEntry?.()?.isDirectory) return []
    const file = item.getAsFile()
    return file === null ? [] : [file]
  })
}
