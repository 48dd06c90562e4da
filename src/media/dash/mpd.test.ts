import { describe, expect, test } from 'vitest'
import { formatDuration } from './mpd-elements.ts'
import { formatStaticMpd, type StaticMpd } from './mpd.ts'

const starts = [0, 120, 240, 300]

const mpd: StaticMpd = {
  durationSeconds: 10,
  initTemplate: '../../v/$RepresentationID$/init.mp4?a=1&b=2',
  mediaTemplate: '../../v/$RepresentationID$/$Number$.m4s',
  adaptationSets: [
    {
      contentType: 'video',
      representations: [
        {
          id: 'r360',
          bandwidthBps: 700_000.5,
          codecs: 'avc1.4d401e',
          timescale: 30,
          starts,
          presentationOffsetTicks: 0,
          video: { width: 640, height: 360, frameRate: { num: 30_000, den: 1001 } },
        },
      ],
    },
    {
      contentType: 'audio',
      language: 'und',
      label: 'a "b" <c> & d',
      representations: [
        {
          id: 'a',
          bandwidthBps: 128_000,
          codecs: 'mp4a.40.2',
          timescale: 48_000,
          starts: [0, 192_512, 384_000, 480_256],
          presentationOffsetTicks: 64,
          audio: { sampleRate: 48_000, channels: 2 },
        },
      ],
    },
  ],
}

describe('an MPD', () => {
  test('is written byte for byte', () => {
    expect(formatStaticMpd(mpd)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" mediaPresentationDuration="PT10S" minBufferTime="PT8S">
  <Period id="0" start="PT0S">
    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
      <Representation id="r360" codecs="avc1.4d401e" bandwidth="700001" width="640" height="360" sar="1:1" frameRate="30000/1001">
        <SegmentTemplate timescale="30" presentationTimeOffset="0" startNumber="0" initialization="../../v/$RepresentationID$/init.mp4?a=1&amp;b=2" media="../../v/$RepresentationID$/$Number$.m4s">
          <SegmentTimeline>
            <S t="0" d="120" r="1"/>
            <S t="240" d="60"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" lang="und" segmentAlignment="true" startWithSAP="1">
      <Label>a "b" &lt;c&gt; &amp; d</Label>
      <Representation id="a" codecs="mp4a.40.2" bandwidth="128000" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
        <SegmentTemplate timescale="48000" presentationTimeOffset="0" startNumber="0" initialization="../../v/$RepresentationID$/init.mp4?a=1&amp;b=2" media="../../v/$RepresentationID$/$Number$.m4s">
          <SegmentTimeline>
            <S t="0" d="192448"/>
            <S t="192448" d="191488"/>
            <S t="383936" d="96256"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
`)
  })

  test('gives no value a way out of its quotes', () => {
    const text = formatStaticMpd({ ...mpd, mediaTemplate: `"><script a='\u0000\n` })
    expect(text).toContain('media="&quot;&gt;&lt;script a=&apos;&#10;"')
    expect(text).not.toContain('<script')
  })

  test.each([
    [24, 'PT24S'],
    [24.024, 'PT24.024S'],
    [0.5, 'PT0.5S'],
    [100, 'PT100S'],
    [7200.033367, 'PT7200.033367S'],
  ])('writes a duration of %d s as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text)
  })
})
