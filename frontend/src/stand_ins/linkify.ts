/** Stands in for the package `linkify-it` in the bundle: bare addresses of an answer stay text. */

export class LinkifyIt {}
