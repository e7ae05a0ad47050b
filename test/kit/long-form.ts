/** Whether the long form of a test is asked for: `npm run test:long`, or `--long` behind another test command. */
export const isLongForm = process.env.LONG_FORM === '1'
