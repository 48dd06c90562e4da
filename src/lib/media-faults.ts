/**
 * Everything that can be wrong with a file that somebody sends: the one list of our own codes. Each names the vendor's
 * code (spec §3.1), where the fault shows, what happened and what to do. `docs/errors.md` is made from it; a reader that
 * throws a code which is not here does not build.
 *
 * Long because it is a list, with two sentences for people in each entry.
 */

/** The vendor's codes that say that the file is at fault. */
export type FileReason =
  | 'ERR_NON_VIDEO'
  | 'ERR_MALFORMED_VIDEO'
  | 'ERR_DURATION_TOO_SHORT'
  | 'ERR_DURATION_EXCEED_CONSTRAINT'

/**
 * How far a video got before it failed. `upload` and `download`: its bytes came; `sniff`: what kind of file it is;
 * `index`: where its pictures lie; `plan`: how it will be played; `decode`: its first pictures; `encode`: all of them;
 * `package`: what was encoded; `clip`: a part of another video; `speech`: captions of what is said.
 */
export type Stage =
  | 'upload'
  | 'download'
  | 'sniff'
  | 'index'
  | 'plan'
  | 'decode'
  | 'encode'
  | 'package'
  | 'clip'
  | 'speech'

type FaultRow = {
  readonly reason: FileReason
  /** Where it usually shows; whoever finds it elsewhere says so. */
  readonly stage: Stage
  /** What happened. */
  readonly when: string
  /** What whoever sent the file can do. */
  readonly advice: string
}

const PICK_THE_VIDEO = 'Choose the video file itself and upload that.'
const SEND_WHOLE = 'Compare its size with that of the original, and upload the whole file again.'
const EXPORT_AGAIN = 'Export or copy the video again from where it was made, and upload the new file.'
const PLAY_AND_CONVERT =
  'If it plays on your own computer, convert it to MP4 there (HandBrake, or `ffmpeg -i old new.mp4`), and upload the new file.'

const foreign = (when: string, advice: string = PICK_THE_VIDEO): FaultRow => ({
  reason: 'ERR_NON_VIDEO',
  stage: 'sniff',
  when,
  advice,
})
const pictureless = (when: string, advice: string): FaultRow => ({
  reason: 'ERR_NON_VIDEO',
  stage: 'index',
  when,
  advice,
})
const damaged = (stage: Stage, when: string, advice: string = EXPORT_AGAIN): FaultRow => ({
  reason: 'ERR_MALFORMED_VIDEO',
  stage,
  when,
  advice,
})

const FAULTS = {
  // Not a media file at all, by its first bytes.
  file_empty: foreign('The file has no bytes.', 'Check that the file is not empty, and upload it again.'),
  file_blank: foreign(
    'The file begins with nothing but zeros.',
    'Such files are left by copies and downloads that broke off, and by failing disks. Copy it again from where it was made, and upload that.',
  ),
  file_text: foreign('The file is plain text.'),
  file_html: foreign(
    'The file is a web page.',
    'A download link has probably given a page about the video. Open the page, save the video itself, and upload that.',
  ),
  file_json: foreign(
    'The file is JSON.',
    'A server has probably answered with a message instead of the video; read it, then fetch the video again.',
  ),
  file_xml: foreign('The file is an XML document.'),
  file_playlist: foreign(
    'The file is a playlist, which only names where the pictures are.',
    'Download the video that it names as one file, and upload that.',
  ),
  file_ffconcat: foreign(
    'The file is a list of files for ffmpeg.',
    'Put the files together (`ffmpeg -f concat -i list -c copy new.mp4`), and upload the new file.',
  ),
  file_dash_manifest: foreign(
    'The file is a DASH manifest, which only names where the pictures are.',
    'Download the video that it names as one file, and upload that.',
  ),
  file_smooth_manifest: foreign(
    'The file is a Smooth Streaming manifest, which only names where the pictures are.',
    'Download the video that it names as one file, and upload that.',
  ),
  file_smil: foreign('The file is a SMIL presentation, which only names other files.'),
  file_svg: foreign('The file is an SVG drawing.'),
  file_captions: foreign(
    'The file holds captions without a video.',
    'Upload the video first, then add this file to it as captions.',
  ),
  file_pdf: foreign('The file is a PDF document.'),
  file_document: foreign('The file is a document of a text or office program.'),
  file_archive: foreign(
    'The file is an archive or compressed.',
    'Unpack it, and upload the video that is in it.',
  ),
  file_image: foreign('The file is a still picture.'),
  file_program: foreign('The file is a program.'),
  file_database: foreign('The file is a database.'),
  file_realmedia: foreign('The file is RealMedia, which is not supported.', PLAY_AND_CONVERT),
  file_sound: foreign(
    'The file holds sound only.',
    'Choose a file with pictures. Sound can be added to a video that is there as an audio track.',
  ),
  file_unrecognised: foreign(
    'The file begins like no kind of file that is known here.',
    `It may be encrypted, damaged from its first byte on, or of a rare kind. ${PLAY_AND_CONVERT}`,
  ),

  // A media file without a picture.
  only_sound: pictureless(
    'The file is of a kind that holds video, but there is only sound in it.',
    'Choose a file with pictures; when you export, see that the picture is exported as well.',
  ),
  only_data: pictureless(
    'The file is of a kind that holds video, but there is neither picture nor sound in it.',
    EXPORT_AGAIN,
  ),
  picture_track_empty: pictureless(
    'The file has a picture track without a single picture.',
    `The recording has probably been stopped before its first picture. ${EXPORT_AGAIN}`,
  ),

  // MP4, MOV and 3GP: the boxes (ISO/IEC 14496-12).
  mp4_cut_off_before_index: damaged(
    'index',
    'The file ends before its index (`moov`), which comes last in it.',
    SEND_WHOLE,
  ),
  mp4_index_missing: damaged(
    'index',
    'The file has no index (`moov`): the recording was never finished.',
    'Open the recording once in the camera or program that made it, which often repairs it, or use a repair program such as untrunc; then upload the repaired file.',
  ),
  mp4_init_missing: damaged(
    'index',
    'The file consists of segments of a stream without their beginning (the init segment).',
    'Put the init segment and all segments together in order (`cat init.mp4 *.m4s > whole.mp4`), and upload the whole.',
  ),
  mp4_index_cut_off: damaged('index', 'The file ends inside its index (`moov`).', SEND_WHOLE),
  mp4_index_too_large: damaged('index', 'The index (`moov`) claims to be larger than any real one.'),
  mp4_index_compressed: damaged(
    'index',
    'The index is compressed (`cmov`), as QuickTime did long ago, which is not supported.',
    PLAY_AND_CONVERT,
  ),
  mp4_media_elsewhere: damaged(
    'index',
    'The file only holds the index; its pictures or its sound lie in another file.',
    'Export it as a self-contained movie, and upload that.',
  ),
  mp4_index_nested: damaged('index', 'The index (`moov`) holds another index instead of tracks.'),
  mp4_no_tracks: damaged('index', 'The index (`moov`) names no tracks.'),
  mp4_too_many_tracks: damaged('index', 'The index (`moov`) names more tracks than any real file has.'),
  mp4_track_id_twice: damaged('index', 'Two tracks of the file have the same number.', PLAY_AND_CONVERT),
  mp4_box_missing: damaged('index', 'A part of the index that must be there is missing.'),
  mp4_box_too_large: damaged('index', 'A part of the index claims to be larger than what it lies in.'),
  mp4_box_too_short: damaged('index', 'A part of the index ends before what must be in it.'),
  mp4_too_many_boxes: damaged('index', 'The file has more parts (boxes) in one place than any real one.'),
  mp4_number_too_large: damaged('index', 'The index holds a time or position that no real file reaches.'),
  mp4_timescale_zero: damaged(
    'index',
    'The file counts its time in units of 0 (its timescale is 0).',
    PLAY_AND_CONVERT,
  ),
  mp4_edit_list_broken: damaged('index', 'The edit list of a track makes no sense.', PLAY_AND_CONVERT),
  mp4_description_broken: damaged('index', 'The description of how a track is coded makes no sense.'),
  mp4_tables_contradict: damaged(
    'index',
    'Two tables of the index contradict each other: they count different numbers of pictures.',
    PLAY_AND_CONVERT,
  ),
  mp4_too_many_samples: damaged('index', 'The index claims more pictures than a file of this size can hold.'),
  mp4_sample_empty: damaged('index', 'The index says that a picture has no bytes.', PLAY_AND_CONVERT),
  mp4_sample_times_broken: damaged('index', 'The index lets time run backwards.', PLAY_AND_CONVERT),
  mp4_samples_overlap: damaged('index', 'The index uses the same bytes for several pictures.'),
  mp4_cut_off: damaged('index', 'The file ends before the last bytes that its index names.', SEND_WHOLE),
  mp4_data_missing: damaged(
    'index',
    'The index is there, but the file ends before the first picture that it names.',
    SEND_WHOLE,
  ),
  mp4_fragment_broken: damaged('index', 'A fragment of the file makes no sense.'),
  mp4_fragment_track_unknown: damaged(
    'index',
    'A fragment belongs to a track that the file does not have.',
    'Segments of different streams have probably been put together. Take init segment and segments of one stream, and upload the whole.',
  ),
  mp4_fragment_out_of_order: damaged(
    'index',
    'The fragments of the file are not in the order of time.',
    'Put the segments together in their order, and upload the whole.',
  ),
  mp4_fragments_too_large: damaged('index', 'The headers of the fragments are larger than any real ones.'),
  mp4_fragments_missing: damaged(
    'index',
    'The file is only the beginning of a stream (its init segment); the segments with the pictures are missing.',
    'Put the init segment and all segments together in order (`cat init.mp4 *.m4s > whole.mp4`), and upload the whole.',
  ),
  index_too_slow: damaged('index', 'Reading the index of the file took longer than any real one takes.'),
  index_unreadable: damaged(
    'index',
    'Reading the index of the file took more memory than any real one takes.',
  ),

  // Other containers.
  matroska_header_broken: damaged('index', 'The header of the Matroska or WebM file is damaged.'),
  matroska_tracks_missing: damaged(
    'index',
    'The Matroska or WebM file does not say which tracks it has.',
    SEND_WHOLE,
  ),
  matroska_clusters_missing: damaged(
    'index',
    'The Matroska or WebM file has a header, but nothing follows it.',
    SEND_WHOLE,
  ),
  avi_header_missing: damaged('index', 'The AVI file has no list of its streams (`hdrl`).'),
  avi_data_missing: damaged('index', 'The AVI file has a header, but no data (`movi`).', SEND_WHOLE),
  flv_data_missing: damaged('index', 'The FLV file has a header, but nothing usable follows it.', SEND_WHOLE),
  mpegts_programs_missing: damaged(
    'index',
    'The transport stream never says which streams are in it (no PAT or PMT).',
    'Record it again from the start of a programme, or convert it to MP4 where it plays, and upload that.',
  ),
  mxf_essence_missing: damaged(
    'index',
    'The MXF file has no pictures in itself (no essence).',
    'Its pictures are probably in files beside it. Export one self-contained file, and upload that.',
  ),
  container_damaged: damaged(
    'index',
    'The file is of a known kind, but what follows its first bytes is damaged.',
  ),
  too_many_streams: damaged(
    'index',
    'The file has more than 128 streams.',
    'Export it with the picture, sound and text that are wanted, and upload that.',
  ),
  cut_off: damaged(
    'plan',
    'The file says it lasts much longer than its pictures do: its end is missing.',
    SEND_WHOLE,
  ),

  // How it would be played.
  picture_encrypted: damaged(
    'index',
    'The pictures are encrypted (DRM or scrambling), and there is no key.',
    'Upload a version without copy protection.',
  ),
  picture_times_jump: damaged(
    'plan',
    'The times of the pictures jump far ahead, much farther than all of the pictures last.',
    PLAY_AND_CONVERT,
  ),
  picture_too_large: damaged(
    'plan',
    'The pictures have more pixels than any level of today’s codecs allows.',
    'Export the video with at most 16384 × 8704 pixels, and upload that.',
  ),
  duration_zero: {
    reason: 'ERR_DURATION_TOO_SHORT',
    stage: 'plan',
    when: 'All pictures of the file have the same time: it lasts 0 seconds.',
    advice: PLAY_AND_CONVERT,
  },
  too_short: {
    reason: 'ERR_DURATION_TOO_SHORT',
    stage: 'plan',
    when: 'The video is shorter than 0.1 s.',
    advice: 'Upload a version that lasts at least 0.1 s.',
  },
  too_long: {
    reason: 'ERR_DURATION_EXCEED_CONSTRAINT',
    stage: 'plan',
    when: 'The video is longer than its upload allows (`maxDurationSeconds`).',
    advice: 'Upload a shorter version, or ask for an upload link that allows a longer one.',
  },
  too_many_pictures: damaged(
    'plan',
    'The file claims more pictures than can be processed, or more than 1,000 in a second.',
    'Export the video with at most 240 pictures a second; a very long one upload in several parts.',
  ),

  // The decoder and the pictures themselves.
  codec_unknown: damaged(
    'decode',
    'The file does not say, in a way that is known here, how its pictures are coded.',
    PLAY_AND_CONVERT,
  ),
  codec_unsupported: damaged(
    'decode',
    'The pictures are coded in a way that cannot be decoded here.',
    PLAY_AND_CONVERT,
  ),
  codec_config_broken: damaged(
    'decode',
    'The settings that a decoder needs before the first picture are damaged (`avcC`, parameter sets).',
  ),
  parameter_sets_missing: damaged(
    'decode',
    'The settings that a decoder needs before the first picture are missing (parameter sets).',
  ),
  picture_size_invalid: damaged('decode', 'The pictures have no size, or an impossible one.'),
  key_picture_missing: damaged(
    'decode',
    'The pictures only say what changed since others, and those are missing.',
    'Record or cut it again from a key picture on, and upload that.',
  ),
  pictures_undecodable: damaged('decode', 'Not one of the first pictures can be decoded.'),
  pictures_mostly_damaged: damaged('encode', 'Most pictures of a stretch are damaged.'),
  pictures_unfinished: damaged('package', 'Fewer pictures came out of a stretch than are in it.'),
  decoder_gave_up: damaged('decode', 'The decoder gave up on the file.'),
  decoder_crashed: damaged('decode', 'The decoder crashed on the file; nothing else was harmed.'),
  decoding_too_slow: damaged(
    'decode',
    'Decoding used up its time.',
    'Upload a version with fewer pixels or pictures a second, or at a usual bit rate.',
  ),
  decoding_stuck: damaged('decode', 'The decoder made no progress and was stopped.'),
  decoding_memory: damaged('decode', 'Decoding used up its memory.', 'Upload a version with fewer pixels.'),
  decoding_output: damaged(
    'decode',
    'Decoding gave more than a video of this length can have.',
    PLAY_AND_CONVERT,
  ),

  // Sound that was to become an audio track.
  sound_missing: damaged('index', 'There is no sound in the file.', 'Choose a file with sound.'),
  sound_undecodable: damaged('decode', 'The sound of the file cannot be decoded.', PLAY_AND_CONVERT),
  sound_source_gone: damaged(
    'index',
    'The video whose sound was to be used was deleted.',
    'Choose another video.',
  ),
} as const satisfies Record<string, FaultRow>

/** Our own code of a fault of a file. */
export type MediaFault = keyof typeof FAULTS

/** The whole list. */
export const MEDIA_FAULTS: Readonly<Record<MediaFault, FaultRow>> = FAULTS

/** Whether `code` is one of a fault of a file. */
export function isMediaFault(code: string): code is MediaFault {
  return Object.hasOwn(MEDIA_FAULTS, code)
}
