/**
 * A Worker that lets its own users upload, list and delete videos through `env.STREAM`. On Cloudflare it is deployed with
 * a Stream binding in wrangler's configuration; beside Headwater `node.ts` runs the very same file.
 *
 *   POST   /uploads       {"name": "…"}   → a one-time link that takes one form with the part `file`
 *   POST   /imports       {"url": "…"}    → a video that is fetched from there
 *   GET    /videos                        → the newest videos
 *   GET    /videos/<id>                   → one video
 *   PATCH  /videos/<id>   {"name": "…"}   → renamed
 *   DELETE /videos/<id>
 */

import type { StreamBinding, StreamError, StreamVideo } from '@cloudflare/workers-types'

export type Env = { readonly STREAM: StreamBinding }

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return await route(request, env.STREAM)
    } catch (error) {
      return explain(error as StreamError)
    }
  },
}

async function route(request: Request, stream: StreamBinding): Promise<Response> {
  const [, collection = '', id = ''] = new URL(request.url).pathname.split('/')
  switch (`${request.method} /${collection}${id === '' ? '' : '/:id'}`) {
    case 'POST /uploads': {
      const { name } = (await request.json()) as { name: string }
      const link = await stream.createDirectUpload({ maxDurationSeconds: 3600, meta: { name } })
      return Response.json(link, { status: 201 })
    }
    case 'POST /imports': {
      const { url } = (await request.json()) as { url: string }
      return Response.json(show(await stream.upload(url)), { status: 201 })
    }
    case 'GET /videos': {
      const videos = await stream.videos.list({ limit: 20 })
      return Response.json(videos.map(show))
    }
    case 'GET /videos/:id':
      return Response.json(show(await stream.video(id).details()))
    case 'PATCH /videos/:id': {
      const { name } = (await request.json()) as { name: string }
      return Response.json(show(await stream.video(id).update({ meta: { name } })))
    }
    case 'DELETE /videos/:id':
      await stream.video(id).delete()
      return new Response(null, { status: 204 })
    default:
      return Response.json({ error: 'NoSuchPage' }, { status: 404 })
  }
}

/** What the Worker's users get to see of a video. */
function show(video: StreamVideo) {
  const { id, meta, status, duration, preview, hlsPlaybackUrl } = video
  return { id, name: meta.name ?? '', state: status.state, duration, watch: preview, hls: hlsPlaybackUrl }
}

/** Errors are told apart by name; most are the user's to know about, the rest stay here. */
function explain(error: StreamError): Response {
  switch (error.name) {
    case 'BadRequestError':
    case 'NotFoundError':
    case 'QuotaReachedError':
    case 'RateLimitedError':
      return Response.json({ error: error.name, message: error.message }, { status: error.statusCode })
    default:
      console.error(error)
      return Response.json({ error: 'Unavailable' }, { status: 503 })
  }
}
