/** What every child of this folder is started with. */

/** Environment of every child: no secret of ours, one language, no colours in messages. */
export const CHILD_ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
  AV_LOG_FORCE_NOCOLOR: '1',
} as const
