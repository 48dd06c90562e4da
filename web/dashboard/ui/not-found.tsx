import { Link } from '@tanstack/react-router'
import { buttonClass } from './button.tsx'
import { Splash } from './splash.tsx'

export function NotFound() {
  return (
    <Splash
      title="There is nothing here"
      sentence="The address may have been mistyped, or what was here is gone."
    >
      <Link to="/" className={buttonClass('plain')}>
        To the library
      </Link>
    </Splash>
  )
}
