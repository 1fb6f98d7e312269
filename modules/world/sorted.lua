return require "fairlead.sorted"
