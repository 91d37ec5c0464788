"""How a publication is: what is late or stuck, who is told of it, and figures for machines that watch it."""
