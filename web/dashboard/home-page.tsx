/** The first page: put videos in, watch them arrive, find the others. */

import { Library } from './library/library.tsx'
import { DropZone } from './uploads/drop-zone.tsx'
import { UploadList } from './uploads/upload-list.tsx'

export function HomePage() {
  return (
    <>
      <title>Headwater</title>
      <h1 className="sr-only">Your videos</h1>
      <DropZone />
      <UploadList />
      <Library />
    </>
  )
}
