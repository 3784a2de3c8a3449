# Writes OUTPUT, a C++ source that holds the configuration templates EDGE and CENTRAL (see
# schema/config_templates.h).
file(READ ${EDGE} edge)
file(READ ${CENTRAL} central)
file(WRITE ${OUTPUT} "#include \"schema/config_templates.h\"\n\nnamespace edcsync::schema {\n\n"
  "std::string_view EdgeConfigTemplate() { return R\"TOML(${edge})TOML\"; }\n"
  "std::string_view CentralConfigTemplate() { return R\"TOML(${central})TOML\"; }\n\n"
  "}  // namespace edcsync::schema\n")
