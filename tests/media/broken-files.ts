/**
 * Broken files of every kind, made by script: good ones are cut, patched or written anew. Each names the fault that it must
 * be told with, and how much is to be told of the place.
 */

import type { MediaFault } from '../../src/lib/media-faults.ts'
import { avc1Entry, box, fullBox, mvhd } from '../../src/media/isobmff/write-boxes.ts'
import { withTracks } from '../attacks/bombs.ts'
import { withDataReference } from '../attacks/references.ts'
import { AVC_CONFIG } from '../fuzz/codec-configs.ts'
import { FOUR_SAMPLES, plainMovie, type TrackTables, u32, u64 } from '../plain-movie.ts'
import { from, half, joined, noise, padding, patch, replaceAll, scramble, upTo } from './break-bytes.ts'
import type { GoodFiles } from './good-files.ts'

/** Where in the file or the film is told. */
type Place = 'byte' | 'seconds' | 'both' | 'nowhere'

/** A broken file. */
export type Broken = readonly [
  name: string,
  code: MediaFault,
  place: Place,
  make: (good: GoodFiles) => Uint8Array,
]

const text = (content: string): Buffer => Buffer.from(content, 'latin1')

/** By its first bytes. */
export const FOREIGN: readonly Broken[] = (
  [
    ['no bytes', 'file_empty', ''],
    ['zeros', 'file_blank', '\0'.repeat(5000)],
    ['words', 'file_text', 'This is not a video.\n'],
    ['a web page', 'file_html', '<!DOCTYPE html><title>Sign in</title>'],
    ['an answer of an API', 'file_json', '{"error":"expired"}'],
    ['a feed', 'file_xml', '<?xml version="1.0"?><rss></rss>'],
    ['an HLS playlist', 'file_playlist', '#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n'],
    ['a list for ffmpeg', 'file_ffconcat', "ffconcat version 1.0\nfile '/etc/passwd'\n"],
    ['a DASH manifest', 'file_dash_manifest', '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash"></MPD>'],
    ['a Smooth Streaming manifest', 'file_smooth_manifest', '<SmoothStreamingMedia MajorVersion="2"/>'],
    ['a SMIL presentation', 'file_smil', '<smil><body><video src="a.mp4"/></body></smil>'],
    ['an SVG drawing', 'file_svg', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['captions', 'file_captions', 'WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n'],
    ['captions of a disc', 'file_captions', '1\n00:00:01,000 --> 00:00:02,000\nHello\n'],
    ['a PDF', 'file_pdf', '%PDF-1.7\n%\xe2\xe3\xcf\xd3\n'],
    ['a letter', 'file_document', '{\\rtf1\\ansi Hello}'],
    ['a ZIP archive', 'file_archive', 'PK\x03\x04\x14\0\0\0\x08\0'],
    ['a picture', 'file_image', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR'],
    ['a program', 'file_program', '\x7fELF\x02\x01\x01\0'],
    ['a database', 'file_database', 'SQLite format 3\0'],
    ['RealMedia', 'file_realmedia', '.RMF\0\0\0\x12'],
    ['a sound', 'file_sound', 'RIFF\x24\0\0\0WAVEfmt \x10\0\0\0'],
    ['bytes of no meaning', 'file_unrecognised', '\xa1\xb2\xc3\xd4\xe5\xf6\x07\x18'],
  ] as const
).map(([name, code, content]) => [name, code, 'byte', () => text(content)])

const NO_SAMPLES = { stts: [], stsz: [], stsc: [], stco: [] }
const entry = avc1Entry({ avcC: AVC_CONFIG, width: 160, height: 120 })

/** An index that says what the table says, before 4 KB of zeros. */
function movieOf(changes: Partial<TrackTables>): Buffer {
  return withData(plainMovie([{ ...FOUR_SAMPLES, entry, stco: [2000], ...changes }]))
}

function withData(index: Uint8Array): Buffer {
  return joined(index, box('mdat', new Uint8Array(4096)))
}

/** `moov` of these boxes, behind nothing. */
const moovOf = (...boxes: readonly Uint8Array[]): Buffer => withData(box('moov', ...boxes))

/** Two fragments behind an index without samples, as `runs` say: [track, decode time, sample size]. */
function fragmentsOf(...runs: readonly (readonly [track: number, time: number, size: number])[]): Buffer {
  const mvex = box('mvex', fullBox('trex', 0, 0, u32(1, 1, 512, 10, 0)))
  const moofs = runs.map(([track, time, size]) =>
    box(
      'moof',
      box(
        'traf',
        ...(track === 0 ? [] : [fullBox('tfhd', 0, 0x020000, u32(track))]),
        fullBox('tfdt', 0, 0, u32(time)),
        fullBox('trun', 0, 0x200, u32(1, size)),
      ),
    ),
  )
  return withData(joined(plainMovie([{ ...NO_SAMPLES, entry }], [mvex]), ...moofs))
}

/** By what an MP4 says of itself; none of it needs a decoder. */
export const INDEXES: readonly Broken[] = [
  ['an MP4 cut in half', 'mp4_cut_off_before_index', 'byte', (good) => half(good['last.mp4'])],
  [
    'an MP4 whose recording was never finished',
    'mp4_index_missing',
    'byte',
    (good) => replaceAll(good['last.mp4'], 'moov', 'free'),
  ],
  ['an MP4 cut inside its index', 'mp4_index_cut_off', 'byte', (good) => good['last.mp4'].subarray(0, -100)],
  ['an MP4 without its last bytes', 'mp4_cut_off', 'byte', (good) => good['first.mp4'].subarray(0, -1000)],
  [
    'an MP4 with nothing but its index',
    'mp4_data_missing',
    'byte',
    (good) => upTo(good['first.mp4'], 'mdat', 4),
  ],
  ['segments without a beginning', 'mp4_init_missing', 'byte', (good) => from(good['fragments.mp4'], 'moof')],
  [
    'a beginning without segments',
    'mp4_fragments_missing',
    'nowhere',
    (good) => upTo(good['fragments.mp4'], 'moof', -4),
  ],
  [
    'an index of 64 GiB',
    'mp4_index_too_large',
    'byte',
    () => joined(u32(1), text('moov'), u64(2 ** 36), u32(0)),
  ],
  ['a compressed index', 'mp4_index_compressed', 'byte', () => moovOf(box('cmov'))],
  [
    'boxes in boxes, two thousand deep',
    'mp4_index_nested',
    'byte',
    () => Array.from({ length: 2000 }).reduce<Uint8Array>((inner) => box('moov', inner), new Uint8Array(0)),
  ],
  ['an index without tracks', 'mp4_no_tracks', 'byte', () => withData(plainMovie([]))],
  [
    'an index of 200 tracks',
    'mp4_too_many_tracks',
    'byte',
    () => withData(plainMovie(Array.from({ length: 200 }, () => NO_SAMPLES))),
  ],
  [
    'two tracks of one number',
    'mp4_track_id_twice',
    'byte',
    () =>
      withData(
        plainMovie([
          { ...NO_SAMPLES, id: 1 },
          { ...NO_SAMPLES, id: 1 },
        ]),
      ),
  ],
  ['an index without a header', 'mp4_box_missing', 'byte', () => moovOf(box('free'))],
  ['a box larger than its container', 'mp4_box_too_large', 'byte', () => moovOf(u32(900), text('trak'))],
  [
    'a table of four thousand million entries in a hundred bytes',
    'mp4_box_too_short',
    'byte',
    () => patch(movieOf({}), 'stts', (bytes, at) => bytes.writeUInt32BE(0xffff_fff0, at + 4)),
  ],
  [
    'more boxes than anybody writes',
    'mp4_too_many_boxes',
    'byte',
    () => joined(...Array.from({ length: 10_001 }, () => box('free'))),
  ],
  [
    'a position beyond 2^53',
    'mp4_number_too_large',
    'byte',
    () => patch(movieOf({ wide: true }), 'co64', (bytes, at) => bytes.writeUInt32BE(0x4000_0000, at + 8)),
  ],
  ['a timescale of 0', 'mp4_timescale_zero', 'byte', () => moovOf(mvhd({ timescale: 0, nextTrackId: 1 }))],
  ['an edit before the media', 'mp4_edit_list_broken', 'byte', () => movieOf({ edits: [[0, -5]] })],
  [
    'a hundred sample descriptions',
    'mp4_description_broken',
    'byte',
    () => patch(movieOf({}), 'stsd', (bytes, at) => bytes.writeUInt32BE(100, at + 4)),
  ],
  ['times for too few pictures', 'mp4_tables_contradict', 'byte', () => movieOf({ stts: [[3, 512]] })],
  ['places for too few pictures', 'mp4_tables_contradict', 'byte', () => movieOf({ stsc: [[1, 3]] })],
  [
    'four thousand million pictures',
    'mp4_too_many_samples',
    'byte',
    () => movieOf({ stsz: { size: 1, count: 2 ** 32 - 1 } }),
  ],
  ['a picture without bytes', 'mp4_sample_empty', 'byte', () => movieOf({ stsz: [10, 0, 10, 10] })],
  ['time that runs backwards', 'mp4_sample_times_broken', 'byte', () => movieOf({ stts: [[4, 2 ** 31]] })],
  [
    'pictures on top of each other',
    'mp4_samples_overlap',
    'byte',
    () => movieOf({ stsc: [[1, 2]], stco: [2000, 2005] }),
  ],
  ['a fragment without a header', 'mp4_fragment_broken', 'byte', () => fragmentsOf([0, 0, 10])],
  ['a fragment of another film', 'mp4_fragment_track_unknown', 'byte', () => fragmentsOf([7, 0, 10])],
  [
    'fragments in the wrong order',
    'mp4_fragment_out_of_order',
    'byte',
    () => fragmentsOf([1, 5120, 10], [1, 512, 10]),
  ],
  ['a track without a picture', 'picture_track_empty', 'nowhere', () => withData(plainMovie([NO_SAMPLES]))],
  ['sound in an MP4', 'only_sound', 'nowhere', (good) => good['sound.mp4']],
  ['neither picture nor sound', 'only_data', 'nowhere', () => replaceAll(movieOf({}), 'vide', 'tmcd')],
  ['a protected film', 'picture_encrypted', 'byte', (good) => replaceAll(good['last.mp4'], 'avc1', 'encv')],
  ['pictures that all have the same time', 'duration_zero', 'both', () => movieOf({ stts: [[4, 0]] })],
  [
    'pictures of 3,600 million pixels',
    'picture_too_large',
    'nowhere',
    (good) => patch(good['hevc.mp4'], 'hvc1', (bytes, at) => bytes.fill(0xea, at + 24, at + 28)),
  ],
  [
    'pictures in another file',
    'mp4_media_elsewhere',
    'byte',
    (good) => withDataReference(good['last.mp4'], fullBox('url ', 0, 0, text('file:///pictures.mov\0'))),
  ],
  [
    'a fragment whose header has 17 MB',
    'mp4_fragments_too_large',
    'byte',
    (good) => joined(upTo(good['fragments.mp4'], 'moof', -4), box('moof', new Uint8Array(17 * 2 ** 20))),
  ],
  [
    'a pause of a day',
    'picture_times_jump',
    'seconds',
    () =>
      movieOf({
        stts: [
          [1, 512],
          [1, 2 ** 30],
          [2, 512],
        ],
      }),
  ],
  ['two pictures', 'too_short', 'seconds', (good) => good['short.mp4']],
  ['two thousand pictures a second', 'too_many_pictures', 'seconds', (good) => good['fast.mp4']],
  ['pictures like a line', 'picture_size_invalid', 'nowhere', (good) => good['line.mp4']],
]

/** Those that a decoder is asked about. */
export const DECODED: readonly Broken[] = [
  [
    'a Matroska of noise',
    'matroska_header_broken',
    'byte',
    (good) => joined(good['film.mkv'].subarray(0, 4), noise(5000)),
  ],
  [
    'a Matroska that ends at once',
    'matroska_tracks_missing',
    'byte',
    (good) => good['film.mkv'].subarray(0, 60),
  ],
  [
    'a Matroska without pictures',
    'matroska_clusters_missing',
    'byte',
    (good) => upTo(good['film.mkv'], Buffer.from('1f43b675', 'hex'), 0),
  ],
  [
    'a Matroska that calls itself much longer than it is',
    'cut_off',
    'both',
    (good) =>
      patch(good['film.mkv'], Buffer.from('448988', 'hex'), (bytes, at) => bytes.writeDoubleBE(60_000, at)),
  ],
  [
    'an AVI of noise',
    'avi_header_missing',
    'byte',
    (good) => joined(good['film.avi'].subarray(0, 12), noise(5000)),
  ],
  [
    'an AVI cut before its pictures',
    'avi_data_missing',
    'byte',
    (good) => upTo(good['film.avi'], 'movi', -8),
  ],
  ['an FLV that ends at once', 'flv_data_missing', 'byte', (good) => good['film.flv'].subarray(0, 13)],
  ['a transport stream of padding', 'mpegts_programs_missing', 'byte', () => padding(50)],
  ['a scrambled transport stream', 'picture_encrypted', 'byte', (good) => scramble(good['film.ts'])],
  [
    'an MXF that ends behind its header',
    'mxf_essence_missing',
    'nowhere',
    (good) => good['film.mxf'].subarray(0, 2000),
  ],
  [
    'an Ogg of noise',
    'container_damaged',
    'nowhere',
    (good) => joined(good['sound.ogg'].subarray(0, 27), noise(5000)),
  ],
  [
    'pictures of a codec that nobody knows',
    'codec_unknown',
    'both',
    (good) => replaceAll(replaceAll(good['last.mp4'], 'avc1', 'zzzz'), 'avcC', 'free'),
  ],
  [
    'pictures of a codec without a decoder',
    'codec_unsupported',
    'seconds',
    (good) => replaceAll(replaceAll(good['film.avi'], 'FMP4', 'AVS2'), 'fmp4', 'AVS2'),
  ],
  [
    'damaged settings of the codec',
    'codec_config_broken',
    'both',
    (good) => patch(good['last.mp4'], 'avcC', (bytes, at) => bytes.fill(0xff, at, at + 20)),
  ],
  [
    'no settings of the codec',
    'parameter_sets_missing',
    'both',
    (good) => replaceAll(good['last.mp4'], 'avcC', 'free'),
  ],
  [
    'a Matroska with 200 further tracks',
    'too_many_streams',
    'nowhere',
    (good) => withTracks(good['film.mkv'], 200),
  ],
  [
    'pictures none of which is called a key picture',
    'key_picture_missing',
    'nowhere',
    // The flags of a SimpleBlock (RFC 9559 §10.2) behind the track's number and a time of 0.
    (good) =>
      patch(good['wmv.mkv'], Buffer.from('81000080', 'hex'), (bytes, at) => bytes.writeUInt8(0, at - 1)),
  ],
  [
    'H.264 pictures of zeros, as a download that broke off leaves them',
    'pictures_undecodable',
    'both',
    (good) => patch(good['first.mp4'], 'mdat', (bytes, at) => bytes.fill(0, at)),
  ],
  [
    'H.265 pictures of noise',
    'pictures_undecodable',
    'both',
    (good) =>
      patch(good['hevc.mp4'], 'mdat', (bytes, at) => noise(bytes.indexOf('moov') - 4 - at).copy(bytes, at)),
  ],
]

/** Opens, and its first pictures decode, but hardly any other. */
export function mostlyDamaged(good: GoodFiles): Buffer {
  return patch(good['hevc.mp4'], 'mdat', (bytes, at) =>
    noise(bytes.indexOf('moov') - 4 - at - 7000).copy(bytes, at + 7000),
  )
}
