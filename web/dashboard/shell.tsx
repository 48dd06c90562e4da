/** What every page of the dashboard has around it: the bar at the top, and the whole window as a place to drop files. */

import { useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useNavigate } from '@tanstack/react-router'
import { LogOut } from 'lucide-react'
import { signOut } from './api/session.ts'
import { forgetSession, useAccountId } from './session-gate.tsx'
import { Button, buttonClass } from './ui/button.tsx'
import { Logo } from './ui/logo.tsx'
import { UploadsProvider, useUploads } from './uploads/uploads-context.tsx'
import { WindowDrop } from './uploads/window-drop.tsx'

export function Shell() {
  const accountId = useAccountId()
  return (
    <UploadsProvider accountId={accountId}>
      <a href="#content" className="skip-link">
        Skip to the content
      </a>
      <TopBar />
      <main
        id="content"
        tabIndex={-1}
        className="mx-auto w-full max-w-6xl px-5 pt-8 pb-24 outline-none sm:px-8"
      >
        <Outlet />
      </main>
      <DropAnywhere />
    </UploadsProvider>
  )
}

const TAB = `${buttonClass('quiet', 'small')} aria-[current=page]:text-ink`
const HERE = { className: 'bg-raised' }

function TopBar() {
  const queries = useQueryClient()
  const { uploads } = useUploads()
  const leave = async () => {
    uploads.pauseAll()
    await signOut().catch(() => undefined)
    forgetSession(queries)
  }
  return (
    <header className="sticky top-0 z-20 border-b border-line bg-canvas/80 backdrop-blur-md">
      <div className="mx-auto flex h-16 w-full max-w-6xl items-center justify-between px-5 sm:px-8">
        <div className="flex items-center gap-6">
          <Link to="/" className="rounded-lg" aria-label="Headwater, to the library">
            <Logo />
          </Link>
          <nav aria-label="Sections" className="flex gap-1">
            <Link
              to="/"
              className={TAB}
              activeOptions={{ exact: true, includeSearch: false }}
              activeProps={HERE}
            >
              Library
            </Link>
            <Link to="/live" className={TAB} activeProps={HERE}>
              Live
            </Link>
          </nav>
        </div>
        <Button kind="quiet" size="small" onClick={() => void leave()}>
          <LogOut aria-hidden className="size-4" />
          Sign out
        </Button>
      </div>
    </header>
  )
}

function DropAnywhere() {
  const { uploads } = useUploads()
  const navigate = useNavigate()
  return (
    <WindowDrop
      onFiles={(files) => {
        uploads.add(files)
        void navigate({ to: '/' })
      }}
    />
  )
}
