/** Stands in for the parts of hls.js that are switched off in `vite.config.ts`; never constructed. */
export default undefined
