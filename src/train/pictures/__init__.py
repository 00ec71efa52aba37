"""From pictures to what the UNet is shown of them: pixels, latents, masks, views."""
