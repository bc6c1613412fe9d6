/// <reference types="vite/client" />

/** The id of this very build; the server tells its own in `GET /api/meta`. */
declare const __BUILD_ID__: string
