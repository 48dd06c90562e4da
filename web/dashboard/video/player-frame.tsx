/** The player, in a frame of its own as everybody else embeds it. */
export function PlayerFrame({
  id,
  title,
  autoplay = false,
}: {
  /** Uid, or the token that stands in its place. */
  id: string
  title: string
  autoplay?: boolean
}) {
  return (
    <div className="aspect-video w-full overflow-hidden bg-black">
      {/* oxlint-disable-next-line react/iframe-missing-sandbox -- our own page on our own origin; a sandbox that lets it run keeps nothing out */}
      <iframe
        src={`/${id}/iframe${autoplay ? '?autoplay=true' : ''}`}
        title={`Player: ${title}`}
        allow="autoplay; fullscreen; picture-in-picture; encrypted-media"
        className="size-full border-0"
      />
    </div>
  )
}
