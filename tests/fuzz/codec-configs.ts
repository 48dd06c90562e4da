/** Records of codecs as encoders write them, small enough to stand in the code. */

const hex = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'hex'))

/** `avcC` as x264 writes it for 25 pictures a second of 160 by 120: High, cropping, VUI, reordering by 2. */
export const AVC_CONFIG = hex(
  '0164000bffe100196764000bacd942847e5c0440000003004000000c83c50a658001000468ef8fcbfdf8f800',
)
/** `hvcC` as x265 writes it for Main 10, cut before its parameter sets. */
export const HEVC_CONFIG = hex('0102200000009000000000001ef000fcfdfafa000000')
/** AAC as ffmpeg writes it: LC stereo. */
export const AAC_STEREO = hex('1190')
/** The same, 5.1 with the end marker, 6 and 3 channels by a program config element; HE-AAC. */
export const AAC_CONFIGS: readonly Uint8Array[] = [
  AAC_STEREO,
  ...[
    '123056e500',
    '1200050808002008840d4c61766335392e33372e31303056e500',
    '12000504010020000d4c61766335392e33372e31303056e500',
    'eb098800',
    '139056e5a0',
  ].map(hex),
]
