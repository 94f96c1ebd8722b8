"""The shape of what the page is told, a room a file; scripts are checked by `web/types.d.ts`, which is made of it."""
