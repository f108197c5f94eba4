/** ApiVersions is the one API whose response never has a flexible header. */
export const apiVersionsKey = 18
