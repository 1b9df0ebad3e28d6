# One image for the API and the workers; docker-compose.yml says which of the two a container is.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY queues queues
COPY workers workers
COPY db db
# What the entry points import of the embedded servers; none of it is reached when DATABASE_URL and REDIS_URL are set.
COPY scripts/stack scripts/stack
RUN npm run build

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The optional packages are the embedded PostgreSQL and build tools.
RUN npm ci --omit=dev --omit=optional && npm cache clean --force
COPY --from=build /app/dist dist
COPY db/migrations db/migrations
COPY scripts/stack/worker-health.mjs scripts/worker-health.mjs
# `npx drover` in a container: without sources it runs dist/.
COPY scripts/drover.mjs scripts/drover.mjs
# Volumes mounted here for the first time take this owner over.
RUN mkdir migration_data migration_reports && chown node:node migration_data migration_reports
USER node
EXPOSE 3000
CMD ["node", "dist/src/api/server.js"]
