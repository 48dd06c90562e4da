/** The dashboard's addresses. */

import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router'
import { HomePage } from './home-page.tsx'
import { InputPage } from './live/input-page.tsx'
import { LivePage } from './live/live-page.tsx'
import { Shell } from './shell.tsx'
import { NotFound } from './ui/not-found.tsx'
import { VideoPage } from './video/video-page.tsx'

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFound })

const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  // The search is part of the address, so that going back from a video comes back to it.
  validateSearch: (search: Record<string, unknown>): { q?: string } =>
    typeof search['q'] === 'string' && search['q'] !== '' ? { q: search['q'] } : {},
  component: HomePage,
})

const videoRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/videos/$uid',
  component: VideoPage,
})

const liveRoute = createRoute({ getParentRoute: () => rootRoute, path: '/live', component: LivePage })

const inputRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/live/$uid',
  component: InputPage,
})

/** Makes the router; called once. */
export function createDashboardRouter() {
  return createRouter({
    routeTree: rootRoute.addChildren([homeRoute, videoRoute, liveRoute, inputRoute]),
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createDashboardRouter>
  }
}
